"""Reading metrics as Prometheus does."""

from collections.abc import Callable, Iterable, Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from chassis import metrics

Sample = tuple[str, frozenset[tuple[str, str]]]


class Scraped:
    """What was served: the samples by name and labels."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self._values: dict[Sample, float] = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """A sample; 0 if it is not there, as a counter that never counted."""
        return self._values.get((name, frozenset(labels.items())), 0)

    def has(self, name: str) -> bool:
        """Whether there is a sample of this name."""
        return any(found == name for found, _ in self._values)

    def by(self, name: str, label: str) -> Mapping[str, float]:
        """The samples of a name by one of their labels."""
        return {dict(labels)[label]: value for (found, labels), value in self._values.items() if found == name}


def scrape(url: str) -> Scraped:
    """What is served at a place."""
    answer = httpx.get(url, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return Scraped(answer.text)


class Stand:
    """Metrics served by this process."""

    def __init__(self, collectors: Iterable[Collector] = ()) -> None:
        server = metrics.serve("127.0.0.1:0", collectors)
        assert server is not None
        self._server = server
        self.port: int = server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/metrics"

    def scrape(self) -> Scraped:
        """What is served now."""
        return scrape(self.url)

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


class Growth:
    """By how much samples have grown since it was made.

    Args:
        look: Reads them.
    """

    def __init__(self, look: Callable[[], Scraped]) -> None:
        self.look = look
        self._before = look()

    def __call__(self, name: str, **labels: str) -> float:
        """By how much a sample has grown until now."""
        return self.look().value(name, **labels) - self._before.value(name, **labels)
