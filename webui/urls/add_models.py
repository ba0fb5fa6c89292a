"""The pages that add models, and the downloads tray: administrators only."""

from django.urls import path

from webui.views.models import add, jobs

add_model_urls = [
    path("models/add/", add.add, name="model-add"),
    path("models/add/estimate/", add.estimate, name="model-estimate"),
    path("models/jobs/", jobs.jobs, name="jobs"),
    *(
        path(f"models/jobs/<slug:job_id>/{action}/", jobs.act, {"action": action}, name=f"job-{action}")
        for action in ("pause", "resume", "cancel", "retry", "dismiss")
    ),
]
