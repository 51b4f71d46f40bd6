"""What a channel's status and its message templates do here: operations 1 to 3 of Front's list.

Each function takes in what its job brings and answers; what was refused before never comes here.
"""

from connector.simulator.accepted import Template
from connector.simulator.replies import Reply, as_json, error, not_found
from connector.simulator.request import Job


def update_channel(job: Job) -> Reply:
    """The channel's health, as its users see it."""
    if "status" in job.fields:
        job.inbox.status = job.fields["status"]
        job.entry.stored = True
        job.accepted.changed(job.channel_id, None)
    return Reply(204)


def sync_template(job: Job) -> Reply:
    """A new template, or a known one replaced under its number."""
    refused = _without_templates(job)
    if refused is not None or "external_id" not in job.fields:
        return refused or as_json(200, {})
    external_id = job.fields["external_id"]
    known = job.inbox.templates.get(external_id)
    if known is None:
        job.accepted.templates_made += 1
    number = known.template_id if known is not None else job.accepted.templates_made
    return _stored(job, Template(external_id, number, job.fields))


def update_template(job: Job) -> Reply:
    """Some fields of a known template."""
    refused = _without_templates(job)
    if refused is not None:
        return refused
    known = job.inbox.templates.get(job.found.ids[1])
    if known is None:
        job.entry.remark = "unknown template"
        return not_found("Template")
    return _stored(job, Template(known.external_id, known.template_id, {**known.fields, **job.fields}))


def _stored(job: Job, template: Template) -> Reply:
    job.inbox.templates[template.external_id] = template
    job.entry.stored = True
    job.accepted.changed(job.channel_id, template)
    return as_json(200, {"template_id": template.template_id})


def _without_templates(job: Job) -> Reply | None:
    """Templates must be switched on in the app's channel settings (Application Message Templates)."""
    if job.channel.templates:
        return None
    job.entry.remark = "templates switched off"
    return error(400, "Bad request", "Message templates are not enabled for this channel.")
