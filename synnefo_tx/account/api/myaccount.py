"""
/myaccount/default_project and /feedback.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from synnefo_tx.account.api.changing import doing_of, write
from synnefo_tx.account.api.context import PREFIX, Context, read_object
from synnefo_tx.account.notices import Notice
from synnefo_tx.account.rows.names import set_default_project
from synnefo_tx.account.rules.project_bodies import LONGEST_TEXT, read_id
from synnefo_tx.errors import BadRequest
from synnefo_tx.http.call import Call
from synnefo_tx.http.reply import Reply, empty_reply
from synnefo_tx.http.router import Router


def add_routes(router: Router, context: Context) -> None:
    """
    Serve what a user says of the own account.
    """

    @router.route("POST", f"{PREFIX}/myaccount/default_project", "account:set_default_project")
    async def default_project(call: Call) -> Reply:
        project_id = read_id(read_object(call), "project_id")
        doing_of(context, call)  # none of this by what was only handed on
        await write(
            context,
            call,
            "account:set_default_project",
            ("user", call.token.user_id),
            {"project_id": project_id},
            set_default_project,
            call.token.user_id,
            project_id,
        )
        return empty_reply(200)

    @router.route("POST", f"{PREFIX}/feedback", "account:send_feedback")
    async def feedback(call: Call) -> Reply:
        form = parse_qs(call.raw_body().decode("utf-8", "replace"), keep_blank_values=True)
        message, data = _field(form, "feedback_msg"), _field(form, "feedback_data")
        if not message:
            raise BadRequest("feedback_msg: This field is required.")
        details = {"user_id": call.token.user_id, "message": message, "data": data}
        notice = Notice("feedback", "", to_admins=True, details=details)
        await context.database.write(context.notifier.notify, notice)
        return empty_reply(200)


def _field(form: dict[str, list[str]], name: str) -> str:
    text = form.get(name, [""])[-1]
    if len(text) > LONGEST_TEXT:
        raise BadRequest(f"{name} exceeds max length {LONGEST_TEXT}")
    return text
