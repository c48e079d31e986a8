"""
What a body may name, with which values, and who may say so.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import field, frozen

from synnefo_tx.network.errors import InvalidQuery, NotValid
from synnefo_tx.network.rules.values import Check, text, whole_number

Values = dict[str, Any]
IDS = ("project_id", "tenant_id")
REQUIRED = object()
UNSAID = object()  # left out of what is kept, when it is left out of the body


@frozen(kw_only=True)
class Attribute:
    """
    name: the API's; column: the row's, where it differs.  default: when a body that creates leaves
    it out.  created, updated: whether bodies may name it.  guarded: only for those whom the policy
    "<method>_<resource>:<name>" allows.
    """

    name: str
    check: Check
    default: Any = UNSAID
    column: str = field()
    created: bool = True
    updated: bool = True
    guarded: bool = False

    @column.default
    def _named_alike(self) -> str:
        return self.name


def attribute(name: str, check: Check, default: Any = UNSAID, **more: Any) -> Attribute:
    """
    The same with less to write.
    """
    return Attribute(name=name, check=check, default=default, **more)


USUAL = (
    attribute("name", text(), ""),
    attribute("description", text(), ""),
)


def member_of(body: object, member: str) -> Values:
    """
    The resource within `body`.  Raises InvalidQuery.
    """
    if not isinstance(body, dict) or not isinstance(body.get(member), dict):
        raise InvalidQuery(f"Unable to find '{member}' in request body")
    found: Values = body[member]
    return found


def members_of(body: object, member: str, collection: str) -> list[Values] | None:
    """
    The resources of a body that makes several; None when it makes one.  Raises InvalidQuery.
    """
    if not isinstance(body, dict) or collection not in body:
        return None
    found = body[collection]
    if not isinstance(found, list) or not found:
        raise InvalidQuery("Resources required")
    return [
        member_of(item if _is_wrapped(item, member) else {member: item}, member) for item in found
    ]


def _is_wrapped(item: object, member: str) -> bool:
    return isinstance(item, dict) and isinstance(item.get(member), dict)


def said_to_create(attributes: Sequence[Attribute], given: Values) -> Values:
    """
    Attribute -> value, defaults filled in.  Raises InvalidQuery or NotValid.
    """
    _refuse_strangers(attributes, given)
    for one in attributes:
        if one.name in given and not one.created:
            raise InvalidQuery(f"Attribute '{one.name}' not allowed in POST")
    values: Values = {}
    for one in attributes:
        if one.name in given:
            values[one.name] = _checked(one, given[one.name])
        elif one.default is REQUIRED:
            raise InvalidQuery(
                f"Failed to parse request. Required attribute '{one.name}' not specified"
            )
        elif one.default is not UNSAID:
            values[one.name] = one.default
    return values


def said_to_update(attributes: Sequence[Attribute], given: Values) -> Values:
    """
    Attribute -> value, of those given.  Raises InvalidQuery or NotValid.
    """
    _refuse_strangers(attributes, given)
    fixed = [one.name for one in attributes if one.name in given and not one.updated]
    fixed += [name for name in IDS if name in given]
    if fixed:
        raise InvalidQuery(f"Cannot update read-only attribute {fixed[0]}")
    return {one.name: _checked(one, given[one.name]) for one in attributes if one.name in given}


def guarded_in(attributes: Iterable[Attribute], given: Values) -> list[str]:
    """
    The names in `given` that not everybody may say: guarded ones, other than their defaults.
    """
    return [
        one.name
        for one in attributes
        if one.guarded and one.name in given and _differs(one, given[one.name])
    ]


def as_columns(attributes: Iterable[Attribute], values: Values) -> Values:
    """
    The values by their columns.
    """
    return {one.column: values[one.name] for one in attributes if one.name in values}


def project_of(given: Values) -> str | None:
    """
    The project for which something shall be made.  Raises NotValid or InvalidQuery.
    """
    said = {name: given[name] for name in IDS if name in given}
    for name, value in said.items():
        _check(name, text(), value)
    if len(set(said.values())) > 1:
        raise InvalidQuery("'project_id' and 'tenant_id' do not match")
    return next(iter(said.values()), None)


def revision_asked(header: str) -> int | None:
    """
    Of If-Match: "revision_number=3".  Raises InvalidQuery.
    """
    if not header:
        return None
    name, _, number = header.strip().partition("=")
    if name.strip() != "revision_number":
        raise InvalidQuery(f"Bad format: {header}")
    try:
        found: int = whole_number()(number.strip())
    except ValueError:
        raise InvalidQuery("Revision number must be an integer") from None
    return found


def _refuse_strangers(attributes: Iterable[Attribute], given: Values) -> None:
    known = {*IDS, *(one.name for one in attributes)}
    strangers = [name for name in given if name not in known]
    if strangers:
        raise InvalidQuery(f"Unrecognized attribute(s) '{', '.join(sorted(strangers))}'")


def _differs(one: Attribute, value: object) -> bool:
    try:
        return bool(one.check(value) != one.default)
    except ValueError:
        return True


def _checked(one: Attribute, value: object) -> Any:
    return _check(one.name, one.check, value)


def _check(name: str, check: Check, value: object) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise NotValid(name, str(error)) from None
