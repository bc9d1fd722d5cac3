"""Captions and failures → standard output and standard error, as text or as JSON lines."""

import io
import json
import sys
from types import TracebackType

from tqdm import tqdm

from caption_studio.client.pictures import Picture
from caption_studio.client.service import Caption


class Output:
    """Prints results one by one, under a progress bar if standard error is a terminal."""

    def __init__(self, total: int, *, as_json: bool) -> None:
        self._as_json = as_json
        self._encoding = sys.stdout.encoding or "utf-8"
        self._has_warned = False
        self._bar = tqdm(total=total, unit="picture", disable=total == 1 or not sys.stderr.isatty())
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")

    def __enter__(self) -> "Output":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Close the progress bar."""
        self._bar.close()

    def caption(self, picture: Picture, caption: Caption) -> None:
        """Print the picture's description and caption."""
        if self._as_json:
            known = {"description": caption.description, "caption": caption.text}
            value = {"picture": picture.name, "model": caption.model, **caption.extra, **known}
            self._print(self._json(value))
        else:
            lines = [picture.name, f"  caption:     {caption.text}"]
            if caption.description is not None:
                lines.insert(1, f"  description: {caption.description}")
            if caption.extra.get("familiar") is False:
                lines.append("  note:        unlike what the describer was trained on")
            self._print("\n".join(lines))
        self._bar.update()

    def failure(self, picture: Picture, reason: str, *, is_known: bool = False) -> None:
        """Print why the picture has no caption; a reason that `is_known` only as JSON."""
        if self._as_json:
            self._print(self._json({"picture": picture.name, "error": reason}))
        if not is_known:
            self.say(f"{picture.name}: {reason}")
        self._bar.update()

    def say(self, line: str) -> None:
        """Print a line for people, on standard error."""
        with tqdm.external_write_mode(file=sys.stderr):
            print(line, file=sys.stderr, flush=True)

    def _json(self, value: dict[str, object]) -> str:
        is_unicode = self._encoding.lower().replace("-", "").startswith("utf")
        return json.dumps(value, ensure_ascii=not is_unicode)

    def _print(self, text: str) -> None:
        with tqdm.external_write_mode(file=sys.stdout):
            print(text, flush=True)
        if not self._has_warned and not _is_encodable(text, self._encoding):
            self._has_warned = True
            self.say(
                f"caption-studio: this console ({self._encoding}) cannot show every character; "
                "PYTHONIOENCODING=utf-8 writes them all"
            )


def _is_encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
