"""A zip of a stranger's, read member by member in memory: nothing is unpacked into a folder, and
what comes out is counted as it comes, whatever the archive says of itself."""

import stat
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import BinaryIO

from playground.errors import IntakeError

MOST_MEMBERS = 300_000
_CHUNK = 2**20
_UNIX = 3  # made on Unix: the upper half of external_attr is st_mode
# What macOS and Windows put beside the files that were meant.
_LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


class Archive:
    """The plain files of a zip by their names. `outside` are names that would lead out of a folder
    ("../", "/", "C:") and links: never opened, for the caller to tell of. Raises IntakeError for
    what is no zip, is encrypted or gives more than `most_bytes` in all."""

    def __init__(self, file: BinaryIO, most_bytes: int) -> None:
        self._left = self._most = most_bytes
        self.outside: list[str] = []
        try:
            self._zip = zipfile.ZipFile(file)
        except _DAMAGED as error:
            raise IntakeError(
                "The archive is damaged, or no zip.", "Make it anew, as a plain .zip."
            ) from error
        members = self._zip.infolist()
        if len(members) > MOST_MEMBERS:
            raise IntakeError(
                f"The archive has {len(members):,} members, more than {MOST_MEMBERS:,}.",
                "Make it of fewer files.",
            )
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            name = member.filename.replace("\\", "/")
            if member.is_dir() or _is_litter(name):
                continue
            if _leads_out(name) or _is_link(member):
                self.outside.append(name)
            else:
                self._members[name] = member

    @property
    def names(self) -> list[str]:
        """The names of its files, in their order."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """The content of a member. Raises IntakeError: see the class; KeyError for no member."""
        member, parts = self._members[name], []
        if member.flag_bits & 1:
            raise IntakeError("The archive is encrypted.", "Make it anew without a password.")
        try:
            with self._zip.open(member) as stream:
                while part := stream.read(min(_CHUNK, self._left + 1)):
                    parts.append(part)
                    self._left -= len(part)
                    if self._left < 0:
                        raise IntakeError(
                            f"The archive gives more than {self._most / 2**20:,.0f} MiB once it "
                            "is unpacked.",
                            "Make the images smaller or fewer.",
                        )
        except _DAMAGED as error:
            raise IntakeError(
                f"The archive is damaged: {name[-60:]} cannot be read.",
                "Make it anew and check that it was sent whole.",
            ) from error
        return b"".join(parts)


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part in _LITTER or part.startswith("._") for part in parts)


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/") or ":" in name or "\0" in name


def _is_link(member: zipfile.ZipInfo) -> bool:
    return member.create_system == _UNIX and stat.S_ISLNK(member.external_attr >> 16)


# What zipfile raises for what is no zip, was cut, or is of a kind that it cannot read.
_DAMAGED = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)
