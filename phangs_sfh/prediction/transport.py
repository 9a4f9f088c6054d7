"""What every transport to a server has in common: how it fails, how much is on its way."""

IN_FLIGHT = 4  # batches on their way at once: the server does not wait for the network


class ServerError(Exception):
    """What a server answered instead of numbers: ``kind`` and its own ``words``.

    ``kind`` is one of ``away``, ``late``, ``missing`` (model or version), ``refused`` (the request)
    and ``failed``.
    """

    def __init__(self, kind, words):
        super().__init__(f"{kind}: {words}")
        self.kind, self.words = kind, " ".join(str(words).split())[:200]
