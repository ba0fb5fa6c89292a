"""What Hearth adds: jobs, uploads, files of the server, estimates, registries."""

from inference.api.estimate import EstimateBody
from inference.api.openapi.answers import hearth
from inference.api.openapi.groups.ollama import MODEL
from inference.api.openapi.job_body import JobBody
from inference.api.openapi.operation import Group, Operation, Parameter, Text
from inference.api.registries import RegistryBody
from inference.api.uploads import FinishBody, UploadBody
from inference.estimate.estimator import Estimate
from inference.jobs.job import Job

_JOB = Parameter("id", "path", Text("Of the job.", "任务的 id。"))
_ACTION = Parameter(
    "action", "path", Text("What to do.", "要执行的操作。"), {"enum": ["pause", "resume", "cancel", "retry"]}, "cancel"
)
_UPLOAD = Parameter("id", "path", Text("Of the upload.", "上传的 id。"))
_OFFSET = Parameter(
    "Upload-Offset",
    "header",
    Text("Number of bytes that are there already.", "已上传的字节数。"),
    {"type": "integer", "minimum": 0},
    0,
)
_REGISTRY = Parameter("registry", "path", Text("Host, and port where there is one.", "主机名，以及端口（如有）。"))
_LANGUAGE = Parameter("language", "query", Text("en or zh-hans.", "en 或 zh-hans。"), {"type": "string"}, "en")
_CONTEXT = Parameter(
    "context", "query", Text("Context length in tokens.", "上下文长度（token）。"), {"type": "integer", "minimum": 1}
)

HEARTH = Group(
    "Hearth",
    Text(
        "What Hearth adds: long work that goes on without you, uploads, and what a model would need here.",
        "Hearth 的补充：无需等待的长任务、上传，以及模型在本机的需求。",
    ),
    (
        Operation(
            method="GET", path="/api/hearth/jobs",
            summary=Text("List jobs", "列出任务"), answer=hearth.Jobs,
        ),
        Operation(
            method="POST", path="/api/hearth/jobs",
            summary=Text("Begin long work on a model", "开始模型的长任务"),
            description=Text(
                "201 with a new job, 200 with the one that does the same already.",
                "201 返回新任务；已有相同任务时返回 200 和该任务。"
            ),
            body=JobBody, required="kind model", optional="insecure file upload destination perplexity_limit",
            example={"kind": "bench", "model": MODEL}, answer=Job, statuses=(200, 201), refusals=(404,),
        ),
        Operation(
            method="GET", path="/api/hearth/jobs/{id}",
            summary=Text("Show a job", "显示任务"), parameters=(_JOB,), answer=Job, refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/hearth/jobs/{id}/{action}",
            summary=Text("Pause, resume, cancel or retry a job", "暂停、继续、取消或重试任务"),
            parameters=(_JOB, _ACTION), answer=Job, refusals=(404, 409),
        ),
        Operation(
            method="DELETE", path="/api/hearth/jobs/{id}",
            summary=Text("Dismiss a job that has ended", "移除已结束的任务"),
            parameters=(_JOB,), statuses=(204,), refusals=(404, 409),
        ),
        Operation(
            method="GET", path="/api/hearth/machine",
            summary=Text("Tell what this machine has", "查询本机的硬件"), answer=hearth.Machine,
        ),
        Operation(
            method="POST", path="/api/hearth/estimate",
            summary=Text("Estimate what a model would need and how fast it would be", "估计模型的需求和速度"),
            description=Text("A model’s name, or size or parameters.", "提供模型名称，或 size 与 parameters 之一。"),
            body=EstimateBody, optional="model parameters active_parameters size quantization context insecure",
            example={"model": MODEL, "context": 8192}, answer=Estimate, refusals=(401, 404),
        ),
        Operation(
            method="GET", path="/api/hearth/catalogue",
            summary=Text("List models worth trying, with estimates", "列出推荐的模型及其估计"),
            parameters=(_LANGUAGE, _CONTEXT), answer=hearth.Catalogue,
        ),
        Operation(
            method="GET", path="/api/hearth/benchmarks",
            summary=Text("List measured speeds", "列出测得的速度"), answer=hearth.Benchmarks,
        ),
        Operation(
            method="GET", path="/api/hearth/damaged",
            summary=Text("List models whose files are damaged", "列出文件损坏的模型"), answer=hearth.DamagedModels,
        ),
        Operation(
            method="GET", path="/api/hearth/files",
            summary=Text("List files in the import folder", "列出导入文件夹中的文件"), answer=hearth.ServerFiles,
        ),
        Operation(
            method="GET", path="/api/hearth/uploads",
            summary=Text("List unfinished uploads", "列出未完成的上传"), answer=hearth.UploadList,
        ),
        Operation(
            method="POST", path="/api/hearth/uploads",
            summary=Text("Begin to upload a model file, or go on", "开始或继续上传模型文件"),
            body=UploadBody, required="name size", optional="digest", example={"name": "sky.gguf", "size": 1048576},
            answer=hearth.Upload, statuses=(201,), refusals=(507,),
        ),
        Operation(
            method="GET", path="/api/hearth/uploads/{id}",
            summary=Text("Show an upload", "显示上传"), parameters=(_UPLOAD,), answer=hearth.Upload, refusals=(404,),
        ),
        Operation(
            method="PATCH", path="/api/hearth/uploads/{id}",
            summary=Text("Send the next piece of a file", "发送文件的下一段"),
            description=Text("At most 16 MiB. 409 says where to go on.", "最多 16 MiB。409 会说明从哪里继续。"),
            parameters=(_UPLOAD, _OFFSET), takes_bytes=True, answer=hearth.Upload, refusals=(404, 409, 507),
        ),
        Operation(
            method="POST", path="/api/hearth/uploads/{id}/finish",
            summary=Text("Make a model of a finished upload", "用已完成的上传创建模型"),
            parameters=(_UPLOAD,), body=FinishBody, required="model", example={"model": "sky"},
            answer=Job, statuses=(200, 201), refusals=(404, 409),
        ),
        Operation(
            method="DELETE", path="/api/hearth/uploads/{id}",
            summary=Text("Discard an upload", "放弃上传"), parameters=(_UPLOAD,), statuses=(204,), refusals=(404, 409),
        ),
        Operation(
            method="GET", path="/api/hearth/registries",
            summary=Text("List registries with a login", "列出已登录的仓库"), answer=hearth.Registries,
        ),
        Operation(
            method="POST", path="/api/hearth/registries",
            summary=Text("Keep a login for a registry", "保存仓库的登录信息"),
            description=Text("Asks the registry whether it accepts it.", "会向仓库确认是否有效。"),
            body=RegistryBody, required="registry password", optional="username insecure",
            example={"registry": "registry.example.org", "username": "sky", "password": "token"},
            answer=hearth.Registry, refusals=(401, 404),
        ),
        Operation(
            method="DELETE", path="/api/hearth/registries/{registry}",
            summary=Text("Forget a login", "删除登录信息"), parameters=(_REGISTRY,), statuses=(204,), refusals=(404,),
        ),
    ),
)  # fmt: skip
