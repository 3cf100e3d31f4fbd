"use strict";
(() => {
  document.documentElement.classList.add("js");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Tables: a click on a heading sorts, another one turns the order around.
  function sort(button) {
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0];
    const column = [...head.parentNode.children].indexOf(head);
    const numeric = button.dataset.sort === "num";
    const now = head.getAttribute("aria-sort");
    const down = now === "none" ? numeric : now === "ascending";
    const key = (row) => {
      const cell = row.children[column];
      return numeric ? Number(cell.dataset.v) : cell.textContent.trim();
    };
    const compare = numeric ? (a, b) => a - b : (a, b) => a.localeCompare(b, undefined, { numeric: true });
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort((a, b) => (down ? compare(b[0], a[0]) : compare(a[0], b[0])));
    body.append(...rows.map(([, row]) => row));
    for (const other of head.parentNode.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  }
  for (const button of all("table.sortable thead button")) button.addEventListener("click", () => sort(button));

  // Filters: what has the text stays.
  for (const input of all("input[data-filter]")) {
    const items = all("[data-text]", document.getElementById(input.dataset.filter));
    const count = input.closest("p").querySelector("[data-count]");
    input.addEventListener("input", () => {
      const text = input.value.trim().toLowerCase();
      let shown = 0;
      for (const item of items) {
        item.hidden = !item.dataset.text.includes(text);
        shown += item.hidden ? 0 : 1;
      }
      count.textContent = text ? `${shown} of ${items.length}` : "";
    });
  }

  // Pictures: a click opens them large.
  const viewer = document.getElementById("viewer");
  const body = viewer.querySelector(".viewer-body");
  for (const button of all(".shot .open")) {
    button.addEventListener("click", () => {
      const shot = button.closest(".shot");
      document.getElementById("viewer-title").textContent = shot.querySelector("h4").textContent;
      const find = (selector) => [...shot.querySelectorAll(selector)];
      const parts = [...find(".where, .reason"), ...find(".open img"), ...find(".offsets"), ...find(".said")];
      body.replaceChildren(...parts.map((part) => part.cloneNode(true)));
      viewer.showModal();
    });
  }
  viewer.addEventListener("click", (event) => {
    if (event.target === viewer || event.target.closest("[data-close]")) viewer.close();
  });

  // What is folded away is printed, too.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }));
})();
