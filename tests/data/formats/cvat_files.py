"""Small files in CVAT's form, written by tests."""

from __future__ import annotations


def attribute(name: str, value: str) -> str:
    return f'<attribute name="{name}">{value}</attribute>'


def box(frame, xtl=0.0, outside=0, attributes="", **more) -> str:
    """A box of 64 x 96 pixels with its left side at ``xtl``, 48 pixels from the top."""
    extra = "".join(f' {key}="{value}"' for key, value in more.items())
    return (
        f'<box frame="{frame}" keyframe="1" outside="{outside}" occluded="0" xtl="{xtl:.2f}" ytl="48.00" '
        f'xbr="{xtl + 64:.2f}" ybr="144.00" z_order="0"{extra}>{attributes}</box>'
    )


def track(*boxes: str, id=0, label="person", more="") -> str:
    return f'<track id="{id}" label="{label}" source="manual"{more}>{"".join(boxes)}</track>'


def task(id, name, size, start=0, step=1, subset="default", source=True, mode="interpolation") -> str:
    """A task of a project as CVAT lists it; one of pictures has no ``<source>``."""
    stop = start + step * (size - 1)
    return (
        f"<task><id>{id}</id><name>{name}</name><size>{size}</size><mode>{mode}</mode><overlap>5</overlap>"
        f"<subset>{subset}</subset><start_frame>{start}</start_frame><stop_frame>{stop}</stop_frame>"
        f"<frame_filter>{f'step={step}' if step > 1 else ''}</frame_filter>"
        "<original_size><width>640</width><height>480</height></original_size>"
        + (f"<source>{name}.mp4</source>" if source else "")
        + "</task>"
    )


def project(tasks: str, *elements: str, subsets="default") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><project><id>7</id>'
        f"<name>p</name><tasks>{tasks}</tasks><subsets>{subsets}</subsets></project></meta>{''.join(elements)}"
        "</annotations>"
    )


def job(*elements: str, start=0, stop=220, step="", labels="", mode="interpolation") -> str:
    """A job's export: no name and no source; the size of the frames stands outside of the job."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><job><id>4236878</id>'
        f"<size>{stop - start + 1}</size><mode>{mode}</mode><overlap>0</overlap><bugtracker></bugtracker>"
        f"<subset>default</subset><start_frame>{start}</start_frame><stop_frame>{stop}</stop_frame>"
        f"<frame_filter>{step}</frame_filter><segments><segment><id>1</id><start>{start}</start><stop>{stop}</stop>"
        f"</segment></segments><labels>{labels}</labels></job><dumped>2026-07-12 22:41:28+00:00</dumped>"
        "<original_size><width>640</width><height>480</height></original_size></meta>"
        f"{''.join(elements)}</annotations>"
    )


def bare(*elements: str) -> str:
    """Tracks without any ``<meta>``."""
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<annotations>{''.join(elements)}</annotations>"
