"""The models page: administrators only, but for the composer's picker. Names hold `/` and `:`, so they come last."""

from django.urls import path

from webui.views.models import access, changes, editing, installed, model, picker, speed

model_urls = [
    path("models/", installed.models, name="models"),
    path("models/picker/", picker.picker, name="model-picker"),
    path("models/states/", installed.states, name="model-states"),
    path("models/delete/", installed.delete, name="models-delete"),
    path("models/show/<path:name>/", model.show, name="model"),
    path("models/load/<path:name>/", changes.load, name="model-load"),
    path("models/cancel/<path:name>/", changes.cancel, name="model-load-cancel"),
    path("models/unload/<path:name>/", changes.unload, name="model-unload"),
    path("models/edit/<path:name>/", editing.edit, name="model-edit"),
    path("models/speed/<path:name>/", speed.speed, name="model-speed"),
    path("models/bench/<path:name>/", speed.bench, name="model-bench"),
    path("models/optimise/<path:name>/", speed.optimise, name="model-optimise"),
    path("models/work/cancel/<path:name>/", speed.cancel_work_on, name="model-work-cancel"),
    path("models/copy/<path:name>/", changes.copy, name="model-copy"),
    path("models/rename/<path:name>/", changes.rename, name="model-rename"),
    path("models/default/<path:name>/", changes.default, name="model-default"),
    path("models/enabled/<path:name>/", access.enabled, name="model-enabled"),
    path("models/audience/<path:name>/", access.audience, name="model-audience"),
]
