# The table of floors, as cmake/components.cmake states it, and which component a file belongs to.
import fnmatch
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Component:
    floor: float  # a provider stands beside the floors: above floor 2, which it implements, and below floor 3
    name: str
    folder: str
    headers: tuple[str, ...]

    @property
    def is_provider(self):
        return self.floor == PROVIDER


PROVIDER = 2.5


def read(root):
    text = (Path(root) / "cmake/components.cmake").read_text(encoding="utf-8")
    table = []
    for call in re.findall(r"^pgclient_floor\(([^)]*)\)", text, re.MULTILINE):
        floor, name, folder, *headers = call.split()
        table.append(Component(PROVIDER if floor == "side" else float(floor), name, folder, tuple(headers)))
    return table


def owner(table, name):
    """The component of a file, by its name in the tree; None for tests, programs and unlisted headers."""
    for component in table:
        if name.startswith(component.folder + "/"):
            return component
        if name.startswith("include/pg/"):
            header = name.removeprefix("include/pg/")
            for pattern in component.headers:
                if header.count("/") == pattern.count("/") and fnmatch.fnmatchcase(header, pattern):
                    return component
    return None
