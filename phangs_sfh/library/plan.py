"""What a library holds and how it is cut into shards: decided before the first galaxy is drawn."""

from dataclasses import dataclass

SCHEMA_VERSION = 1
SPLITS = ("train", "valid", "test")
HELD_OUT = 0.05  # share of valid and of test, each
SHARD_SIZE = 2500  # about 9 MB


@dataclass(frozen=True)
class Shard:
    """One file of galaxies.

    Attributes
    ----------
    split : str
    number : int, place within its split
    of : int, shards in its split
    first : int, index within the library of its first galaxy
    n_galaxies : int
    """

    split: str
    number: int
    of: int
    first: int
    n_galaxies: int

    @property
    def file(self):
        return f"{self.split}-{self.number:05d}-of-{self.of:05d}.tfrecord.gz"

    def entropy(self, seed):
        """What seeds this shard's random numbers: no two shards or seeds share any."""
        return [seed, SPLITS.index(self.split), self.number]


def split_sizes(n_galaxies):
    """Galaxies in each split; a library of 3 or more has at least one in each."""
    held_out = max(1, round(HELD_OUT * n_galaxies))
    return {"train": n_galaxies - 2 * held_out, "valid": held_out, "test": held_out}


def plan_shards(n_galaxies, shard_size=SHARD_SIZE):
    """All shards of a library of ``n_galaxies``, in order: a list of Shard."""
    shards, first = [], 0
    for split, size in split_sizes(n_galaxies).items():
        of = -(-size // shard_size)
        for number in range(of):
            n = min(shard_size, size - number * shard_size)
            shards.append(Shard(split, number, of, first, n))
            first += n
    return shards
