"""The pages that add models, and the downloads tray: administrators only."""

from django.urls import path

from webui.views.models import add, create, files, jobs, registries, uploads

add_model_urls = [
    path("models/add/", add.add, name="model-add"),
    path("models/add/estimate/", add.estimate, name="model-estimate"),
    path("models/add/upload/", uploads.page, name="model-upload"),
    path("models/add/files/", files.files, name="model-files"),
    path("models/add/create/", create.create, name="model-create"),
    path("models/registries/", registries.registries, name="registries"),
    path("models/registries/<str:registry>/sign-out/", registries.registry_sign_out, name="registry-sign-out"),
    path("models/uploads/", uploads.begin, name="uploads"),
    path("models/uploads/<slug:upload_id>/", uploads.piece, name="upload"),
    path("models/uploads/<slug:upload_id>/finish/", uploads.finish, name="upload-finish"),
    path("models/uploads/<slug:upload_id>/discard/", uploads.discard, name="upload-discard"),
    path("models/jobs/", jobs.jobs, name="jobs"),
    *(
        path(f"models/jobs/<slug:job_id>/{action}/", jobs.act, {"action": action}, name=f"job-{action}")
        for action in ("pause", "resume", "cancel", "retry", "dismiss")
    ),
]
