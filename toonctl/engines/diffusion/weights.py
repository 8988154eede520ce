"""What a manifest says of published weights."""

from collections.abc import Mapping, Sequence

from toonctl.core.errors import CheckpointError
from toonctl.engines.base import WeightsFacts
from toonctl.models.digests import digest
from toonctl.models.registry import find


def weights_facts(engine: str, roles: Sequence[str], given: Mapping[str, str]) -> tuple[WeightsFacts, ...]:
    """Name, SHA-256 and licence of the weights of every role, in the order of `roles`.

    Weights of a folder go by the digest of their files' digests. Reading tens of gigabytes takes minutes the
    first time; what has not changed since is not read again. Raises: CheckpointError as `registry.locate`.
    """
    facts: list[WeightsFacts] = []
    for role in roles:
        found = find(engine, role, given=given)
        try:
            sha256 = digest(found.path)
        except OSError as error:
            what = f"the weights `{role}` of `{engine}` cannot be read: {error.strerror or error}"
            raise CheckpointError(what, str(found.path), "make the files readable") from error
        facts.append(WeightsFacts(f"{role}: {found.path.name}", sha256, found.licence))
    return tuple(facts)
