"""Collecting everything that is wrong with a file or a module before saying so in one error."""

from dataclasses import dataclass, field

from lapilli.netx_exports.errors import FormatError, UnsupportedError


@dataclass
class Problems:
    """What was found so far, in the order of reading.

    Arguments:
        wrong: contradictions and damage.
        unsupported: valid things that this release cannot express exactly.
        remarks: contradictions in what nothing reads; the file is read all the same.
    """

    wrong: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.wrong or self.unsupported)

    def raise_if_any(self, subject: str) -> None:
        """Raise one error with every problem: FormatError if anything is wrong, else UnsupportedError.

        Raises:
            FormatError: when anything is wrong; what is merely unsupported is listed after it.
            UnsupportedError: when everything found is valid but cannot be expressed.
        """
        if self.wrong:
            raise FormatError(subject, [*self.wrong, *self.unsupported])
        if self.unsupported:
            raise UnsupportedError(subject, self.unsupported)
