"""What networks took of a card at most in earlier runs: worth more than what is reckoned."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toonctl import __version__
from toonctl.engines.diffusion.plans import Need, Plan, is_out_of_memory
from toonctl.models.cache import Notebook

if TYPE_CHECKING:
    import torch

_NOTES = Notebook("memory_peaks", version=1)


@dataclass(frozen=True, slots=True)
class Peaks:
    """What one network, with its bytes and activations as in `need`, took of one kind of card, by plan."""

    network: str
    need: Need
    device: "torch.device"

    def known(self) -> dict[Plan, int]:
        """Bytes by plan, as far as measured; of one that ran out of memory, no less than where it did."""
        if self.device.type != "cuda":
            return {}
        notes = _NOTES.get(self._key())
        return {Plan(name): n for name, n in notes.items() if name in list(Plan) and isinstance(n, int)}

    @contextmanager
    def watched(self, plan: Plan) -> Generator[None]:
        """Measures what the block takes of the card, and keeps the highest figure of all runs.

        A block that ends with another error than memory tells nothing: it may have hardly begun.
        """
        if self.device.type != "cuda":
            yield
            return
        import torch

        torch.cuda.reset_peak_memory_stats(self.device)
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                # It needs more than it got, and no less than reckoned: others may have held most of the card.
                got = torch.cuda.max_memory_reserved(self.device)
                self._keep(plan, max(got, self.need.on_card(plan)))
            raise
        self._keep(plan, torch.cuda.max_memory_reserved(self.device))

    def _keep(self, plan: Plan, n_bytes: int) -> None:
        known: Mapping[Plan, int] = self.known()
        if n_bytes > known.get(plan, 0):
            _NOTES.put(self._key(), {**known, plan: n_bytes})

    def _key(self) -> str:
        """Another card, torch or version of ours takes other memory."""
        import torch

        card = torch.cuda.get_device_name(self.device)
        of = self.need
        network = f"{self.network} {of.outside}+{of.inside}+{of.activations} bytes"
        return f"{network}, {card}, torch {torch.__version__}, toonctl {__version__}"
