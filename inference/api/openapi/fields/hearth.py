"""Fields of Hearth's own endpoints, and of what it adds to the protocols."""

from inference.api.openapi.fields.field import Field, explain

HEARTH: dict[str, Field] = {
    "HearthBody.events": explain(
        "Queue position, loading and prompt progress come before the first token.",
        "在第一个 token 之前发送排队位置、加载和提示词进度。",
    ),
    "HearthBody.priority": explain(
        "background waits until nobody else does.", "background 表示等其他请求都完成后再处理。", {"enum": ["", "background"]}
    ),
    "HearthBody.client": explain("Whom the queue is to be fair to.", "排队时按谁来公平分配。"),
    "HearthBody.scope": explain("Whose computed prompts may be used again.", "哪些已计算的提示词可以复用。"),
    "HearthBody.loop_guard": explain("End an answer that only repeats itself.", "结束不断重复的回答。"),
    "kind": explain("Kind of work.", "任务种类。", {"enum": ["pull", "push", "import", "bench", "optimise"]}),
    "size": explain("Bytes.", "字节数。"),
    "digest": explain("sha256 of the file, to be compared when all is there.", "文件的 sha256，传完后核对。"),
    "UploadBody.name": explain("Name of the file.", "文件名。"),
    "active_parameters": explain(
        "Of a mixture of experts: those that one token goes through.", "混合专家模型中每个 token 经过的参数量。"
    ),
    "EstimateBody.parameters": explain("Number of parameters.", "参数量。"),
    "EstimateBody.context": explain("Context length in tokens.", "上下文长度（token）。"),
    "quantization": explain("Such as Q4_K_M.", "如 Q4_K_M。"),
    "registry": explain("Host and, where there is one, port.", "主机名，以及端口（如有）。"),
    "file": explain("Name of a file in the import folder.", "导入文件夹中的文件名。"),
    "upload": explain("Id of a finished upload.", "已完成上传的 id。"),
    "perplexity_limit": explain(
        "So many times the model's perplexity may the faster one have.", "加速版的困惑度最多为原模型的多少倍。"
    ),
}
