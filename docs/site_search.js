// A page that is opened from a folder may not start a worker, which the search runs in: a hidden frame takes its place.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(script) {
      super()
      this.waiting = []
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      this.scope = frame.contentWindow
      // What the script calls as a worker: answers go to the page, and further scripts are loaded one after the other.
      this.scope.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      this.scope.importScripts = (...urls) =>
        urls.reduce((before, url) => before.then(() => this.load(url)), Promise.resolve())
      this.load(script).then(() => {
        this.waiting.forEach(data => this.hand(data))
        this.waiting = null
      })
    }

    load(url) {
      return new Promise((resolve, reject) => {
        const element = this.scope.document.createElement("script")
        element.src = new URL(url, document.baseURI).href
        element.onload = resolve
        element.onerror = reject
        this.scope.document.body.append(element)
      })
    }

    hand(data) {
      this.scope.dispatchEvent(new this.scope.MessageEvent("message", { data }))
    }

    postMessage(data) {
      if (this.waiting) this.waiting.push(data)
      else this.hand(data)
    }

    terminate() {
      this.scope.frameElement.remove()
    }
  }
}
