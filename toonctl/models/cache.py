"""What can be found out again at some cost (digests, measured peaks, timings), kept in the cache folder."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toonctl.core.cache import cache_folder
from toonctl.core.errors import DeliveryError
from toonctl.core.files import write_whole


@dataclass(frozen=True, slots=True)
class Notebook:
    """Facts by key in one JSON file of the cache folder, whole or absent; another version's are not read.

    Of two processes that write at once the later one's file stays: what is lost is found out again.
    """

    name: str
    version: int

    def get(self, key: str) -> Mapping[str, Any]:
        """What is known under `key`; nothing when nothing is."""
        found = self._entries().get(key)
        return found if isinstance(found, dict) else {}

    def put(self, key: str, facts: Mapping[str, Any]) -> None:
        """Keeps `facts` under `key`. A folder that takes no file costs the memory, not the run."""
        document = {"version": self.version, "entries": {**self._entries(), key: dict(facts)}}
        with suppress(DeliveryError):
            write_whole(self.path, json.dumps(document, indent=1, sort_keys=True).encode())

    @property
    def path(self) -> Path:
        """The file."""
        return cache_folder() / f"{self.name}.json"

    def _entries(self) -> dict[str, Any]:
        try:
            document = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(document, dict) or document.get("version") != self.version:
            return {}
        entries = document.get("entries")
        return entries if isinstance(entries, dict) else {}
