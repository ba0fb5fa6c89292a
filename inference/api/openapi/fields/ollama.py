"""Fields of Ollama's API, and of what it lacks in its shape: rerank and tokens."""

from inference.api.openapi.fields.field import TEXTS, Field, explain

_FORMAT = {"anyOf": [{"const": "json"}, {"const": ""}, {"type": "object", "description": "JSON schema"}]}

OLLAMA: dict[str, Field] = {
    "format": explain(
        "json, or a JSON schema that the answer is always valid against.", "json，或回答始终符合的 JSON schema。", _FORMAT
    ),
    "raw": explain("The prompt goes to the model as it is, without its template.", "提示词原样交给模型，不套用模板。"),
    "system": explain("System prompt in place of the model's own.", "代替模型自带的系统提示词。"),
    "template": explain("Template in place of the model's own.", "代替模型自带的模板。"),
    "context": explain("The context of an earlier answer, to go on from it.", "之前回答的 context，用于接着对话。"),
    "_debug_render_only": explain(
        "Answer with the rendered prompt instead of running the model.", "只返回渲染后的提示词，不运行模型。"
    ),
    "MessageBody.role": explain("system, user, assistant or tool.", "system、user、assistant 或 tool。"),
    "MessageBody.content": explain("The text.", "文本。"),
    "thinking": explain("Thinking of an earlier answer.", "之前回答中的思考内容。"),
    "tool_calls": explain("Calls that an earlier answer made.", "之前回答中的工具调用。"),
    "tool_name": explain("Which tool a tool message is the result of.", "工具消息对应的工具名称。"),
    "tool_call_id": explain("Which call a tool message is the result of.", "工具消息对应的调用 id。"),
    "EmbedBody.input": explain("A text, or several.", "一个或多个文本。", TEXTS),
    "EmbedBody.prompt": explain("The text.", "文本。"),
    "query": explain("What is looked for.", "要查找的内容。"),
    "documents": explain(
        "Texts to rank, or objects with a text.",
        "要排序的文本，或带 text 的对象。",
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "object"}]}},
    ),
    "texts": explain("Another name of documents.", "documents 的另一个名称。", {"type": "array", "items": {"type": "string"}}),
    "top_n": explain("So many of the best come back; 0 for all.", "返回最好的几个；0 表示全部。"),
    "return_documents": explain("Whether the documents come back too.", "是否同时返回文档。"),
    "content": explain("The text to take apart.", "要切分的文本。", {"type": "string"}),
    "TokenizeBody.prompt": explain(
        "Another name of content; gets the model's special tokens.",
        "content 的另一个名称；会加上模型的特殊 token。",
        {"type": "string"},
    ),
    "add_special": explain(
        "Whether the tokens that the model puts around an input are added.",
        "是否添加模型在输入前后加的 token。",
        {"type": "boolean"},
    ),
    "parse_special": explain(
        "Whether special tokens written out in the text are read as such.", "文本中写出的特殊 token 是否按特殊 token 解析。"
    ),
    "with_pieces": explain("Whether the text of each token comes back.", "是否返回每个 token 的文本。"),
    "tokens": explain("Tokens to put together.", "要还原的 token。", {"type": "array", "items": {"type": "integer"}}),
    "verbose": explain("With all lists of the file's metadata, and its tensors.", "包含文件元数据的所有列表和张量。"),
    "source": explain("Name of the model to copy.", "要复制的模型名称。"),
    "destination": explain("Its second name.", "新的名称。"),
    "insecure": explain("Registry over http, or without a valid certificate.", "允许 http 或证书无效的仓库。"),
    "username": explain("User name at the registry.", "仓库的用户名。"),
    "password": explain("Password or token at the registry.", "仓库的密码或令牌。"),
    "from": explain("The model that the new one is made from.", "新模型所基于的模型。"),
    "files": explain("File names to digests of uploaded blobs.", "文件名到已上传 blob 摘要的映射。"),
    "adapters": explain("LoRA adapter: file name to digest.", "LoRA 适配器：文件名到摘要。"),
    "license": explain("License text, or several.", "一个或多个许可证文本。", TEXTS),
    "parameters": explain("Defaults for options.", "options 的默认值。"),
    "quantize": explain("Quantize to this type, such as q4_K_M.", "量化为此类型，如 q4_K_M。"),
}
