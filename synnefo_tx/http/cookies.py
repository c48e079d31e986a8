"""
Cookies of ours: out of reach for scripts, for other sites' posts, and for neighbours of our host.

By https their names begin with `__Host-`: browsers take such cookies from this very host alone, so
that a site on another host of the same domain can't plant one (RFC 6265bis, 4.1.3.2).
"""

from __future__ import annotations

from synnefo_tx.http.call import Call


def cookie(call: Call, name: str) -> str:
    """
    What the browser shows; "" for none.
    """
    found = call.request.getCookie(_named(call, name).encode("ascii"))
    return found.decode("utf-8", "replace") if found else ""


def set_cookie(call: Call, name: str, value: str, path: str, lasts_s: int | None = None) -> None:
    """
    path: where it counts, by http.  lasts_s: None: until the browser is closed.
    """
    safe = _is_safe(call)
    text = f"{_named(call, name)}={value}; Path={'/' if safe else path}"
    if lasts_s is not None:
        text += f"; Max-Age={lasts_s}"
    text += f"; HttpOnly; SameSite=Lax{'; Secure' if safe else ''}"
    call.extra_headers.append(("Set-Cookie", text))


def _is_safe(call: Call) -> bool:
    return call.base.startswith("https:")


def _named(call: Call, name: str) -> str:
    return f"__Host-{name}" if _is_safe(call) else name
