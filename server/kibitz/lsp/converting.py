"""Between the protocol's types and JSON: cattrs, without making the same code again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cattrs
from cattrs.cols import iterable_unstructure_factory, mapping_unstructure_factory
from lsprotocol import converters

if TYPE_CHECKING:
    from collections.abc import Callable


class _Keeping(cattrs.Converter):
    """It keeps the code for a class once it is made, which takes up to some milliseconds.

    cattrs itself forgets that for all classes whenever it comes upon a new kind of list or mapping, and makes
    it once more for each class that holds another one.
    """

    def get_unstructure_hook(
        self,
        type: Any,  # noqa: A002 - the name that cattrs gives it
        cache_result: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
    ) -> Callable[[Any], Any]:
        return super().get_unstructure_hook(type)

    def get_structure_hook(
        self,
        type: Any,  # noqa: A002 - the name that cattrs gives it
        cache_result: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
    ) -> Callable[[Any, Any], Any]:
        return super().get_structure_hook(type)

    def gen_unstructure_iterable(self, cl: Any, unstructure_to: Any = None) -> Callable[[Any], Any]:
        return iterable_unstructure_factory(cl, self, unstructure_to=unstructure_to or list)

    def gen_unstructure_mapping(
        self,
        cl: Any,
        unstructure_to: Any = None,
        key_handler: Callable[[Any, Any], Any] | None = None,
    ) -> Callable[[Any], Any]:
        return mapping_unstructure_factory(
            cl, self, unstructure_to=unstructure_to or dict, key_handler=key_handler
        )


def converter() -> cattrs.Converter:
    """One for the protocol's types."""
    return converters.get_converter(_Keeping())
