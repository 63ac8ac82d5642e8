"""Send DICOM objects to an archive by C-STORE."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from .source import silent

OWN_TITLE = "INNEREARSEG"
VERIFICATION = "1.2.840.10008.1.1"
TIMEOUT_S = 30.0
AT_ONCE_S = 1.0
MAX_TITLE = 16

OUT_OF_RESOURCES = range(0xA700, 0xA800)
WARNINGS = range(0xB000, 0xC000)


@dataclass(frozen=True)
class Tls:
    """How to encrypt: certificates as PEM files.

    Attributes:
        authority: who signed the archive's certificate; None for the authorities of this computer.
        certificate, key: of this computer, where the archive asks for them.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return a context that checks the archive's name; UnusableInput if a file is unusable."""
        try:
            context = ssl.create_default_context(cafile=self.authority)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            named = (self.authority, self.certificate, self.key)
            files = ", ".join(str(path) for path in named if path is not None)
            raise UnusableInput(
                f"TLS cannot be used with {files}: {error.strerror or error}."
            ) from None
        return context


@dataclass(frozen=True)
class Archive:
    """Where to send.

    Attributes:
        host, port: of the archive.
        called: its application entity (AE) title.
        calling: of this program.
        tls: None to send without encryption.
    """

    host: str
    port: int
    called: str
    calling: str = OWN_TITLE
    tls: Tls | None = None

    def __str__(self) -> str:
        return f"{self.called} at {self.host}:{self.port}"


def archive_of(
    address: str, called: str | None, calling: str | None, tls: Tls | None = None
) -> Archive:
    """Return an archive from ``HOST:PORT`` and its titles; UnusableInput if they are malformed."""
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")  # an address of IPv6
    if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
        raise UnusableInput(f"--send needs HOST:PORT, such as pacs.example.org:104, not {address}.")
    if not called:
        raise UnusableInput("--send needs --called, the archive's AE title.")
    for option, title in (("--called", called), ("--calling", calling or OWN_TITLE)):
        fits = title.isascii() and title.isprintable() and "\\" not in title and title.strip()
        if not fits or len(title) > MAX_TITLE:
            raise UnusableInput(
                f"{option} needs an AE title, 1 to {MAX_TITLE} letters and digits, not {title!r}."
            )
    return Archive(host, int(port), called, calling or OWN_TITLE, tls)


def check_archive(archive: Archive) -> None:
    """Ask an archive for an answer (C-ECHO); UnusableInput, with the reason, if it gives none."""
    with silent():
        association = _associate(archive, [(VERIFICATION, [])])
        try:
            status = association.send_c_echo()
        finally:
            _release(association)
        if status.get("Status") != 0:
            raise UnusableInput(f"{archive} does not answer a test (C-ECHO); nothing was sent.")


def send(
    files: Sequence[Path],
    archive: Archive,
    sent: Callable[[int], None] = lambda count: None,
) -> list[str]:
    """Send objects in their order, each once it is known that all of their kinds are accepted.

    Args:
        files: written by ``export``.
        archive: to which.
        sent: called after each with how many have arrived.

    Returns:
        A sentence for each warning of the archive.

    Raises:
        UnusableInput: an object was refused or the connection broke; says how many arrived.
    """
    import pydicom

    check_archive(archive)
    with silent():
        datasets = [pydicom.dcmread(file) for file in files]
        kinds: dict[str, list[str]] = {}
        for dataset in datasets:
            syntaxes = kinds.setdefault(str(dataset.SOPClassUID), [])
            if (syntax := str(dataset.file_meta.TransferSyntaxUID)) not in syntaxes:
                syntaxes.append(syntax)
        association = _associate(archive, list(kinds.items()))
        try:
            accepted = {str(context.abstract_syntax) for context in association.accepted_contexts}
            if refused := kinds.keys() - accepted:
                names = ", ".join(sorted(pydicom.uid.UID(uid).name for uid in refused))
                raise UnusableInput(f"{archive} does not take {names}; nothing was sent.")
            return _store(datasets, archive, association, sent)
        finally:
            _release(association)


def _store(
    datasets: Sequence[Any], archive: Archive, association: Any, sent: Callable[[int], None]
) -> list[str]:
    said = []
    for count, dataset in enumerate(datasets):
        arrived = f"{count} of {len(datasets)} objects arrived"
        again = "Send the same files again once it works."
        try:
            status = association.send_c_store(dataset).get("Status")
        except (RuntimeError, OSError, ValueError):
            status = None
        if status is None:
            raise UnusableInput(f"The connection to {archive} broke: {arrived}. {again}")
        if status in OUT_OF_RESOURCES:
            raise UnusableInput(f"{archive} has no room: {arrived}. {again}")
        if status in WARNINGS:
            said.append(f"{archive} took object {count + 1} with a warning (status {status:04X}).")
        elif status != 0:
            raise UnusableInput(f"{archive} refused an object (status {status:04X}): {arrived}.")
        sent(count + 1)
    return said


def _associate(archive: Archive, kinds: Sequence[tuple[str, Sequence[str]]]) -> Any:
    """Open an association; UnusableInput, with the reason, if the archive does not agree."""
    from pynetdicom import AE

    entity = AE(ae_title=archive.calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
    entity.connection_timeout = TIMEOUT_S
    for kind, syntaxes in kinds:
        entity.add_requested_context(kind, list(syntaxes) or None)
    tls = (archive.tls.context(), archive.host) if archive.tls else None

    def ask() -> Any:
        return entity.associate(archive.host, archive.port, ae_title=archive.called, tls_args=tls)

    since = time.monotonic()
    try:
        association = ask()
        answered = association.is_established or association.is_rejected
        if not answered and time.monotonic() - since <= AT_ONCE_S:
            association = ask()  # a rejection is lost where the archive hangs up too early
    except (OSError, UnicodeError):  # of the look-up of its name
        raise UnusableInput(
            f"The network knows no computer called {archive.host}; nothing was sent."
        ) from None
    if association.is_established:
        return association
    if association.is_rejected:
        reason = association.acceptor.primitive.reason_str
        raise UnusableInput(
            f"{archive} refused the association: {reason[:1].lower()}{reason[1:]}. Its "
            f"administrator has to know this program as {archive.calling}."
        )
    if association.rejected_contexts:
        names = ", ".join(sorted(x.abstract_syntax.name for x in association.rejected_contexts))
        raise UnusableInput(f"{archive} does not take {names}; nothing was sent.")
    with_tls = " with TLS" if archive.tls else ""
    raise UnusableInput(
        f"{archive} does not answer{with_tls}: check the address, the network, and whether it "
        "wants TLS; nothing was sent."
    )


def _release(association: Any) -> None:
    if association.is_established:
        association.release()
