"""What each field of a request means. A field has one meaning wherever it stands, unless `Struct.field` says otherwise.

A schema here takes the place of what the struct says, where that is wider than what makes sense.
"""

from typing import Any, NamedTuple

from inference.api.openapi.operation import Text


class Field(NamedTuple):
    text: Text
    schema: dict[str, Any] | None = None


def _field(en: str, zh: str, schema: dict[str, Any] | None = None) -> Field:
    return Field(Text(en, zh), schema)


_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_INPUT = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "array", "items": {"type": "integer"}},
        {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
    ]
}
_TOOL = {
    "type": "object",
    "properties": {
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "parameters": {"type": "object", "description": "JSON schema"},
            },
            "required": ["name"],
        },
    },
    "required": ["function"],
}
_CHOICE = {
    "anyOf": [
        {"enum": ["none", "auto", "required"]},
        {
            "type": "object",
            "properties": {
                "type": {"const": "function"},
                "function": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
            },
            "required": ["type", "function"],
        },
    ]
}
_KEEP_ALIVE = {"anyOf": [{"type": "string", "examples": ["5m"]}, {"type": "number"}]}
_THINK = {"anyOf": [{"type": "boolean"}, {"enum": ["low", "medium", "high", "max"]}]}
_FORMAT = {"anyOf": [{"const": "json"}, {"const": ""}, {"type": "object", "description": "JSON schema"}]}
_OPTIONS = {"$ref": "#/components/schemas/Options"}
_PARTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}, {"type": "null"}]}

_RESPONSE_INPUT = _field(
    "A text, or items: messages, function calls and their outputs, reasoning.",
    "文本，或条目：消息、函数调用及其结果、思考。",
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
)
_RESPONSE_CHOICE = _field("none, auto, required, or one function.", "none、auto、required 或指定的函数。")
_RESPONSE_TOOLS = _field(
    "Tools the model may call: functions with name, description and parameters, custom ones, or a namespace of both.",
    "模型可以调用的工具：包含 name、description 和 parameters 的函数、custom 工具，或由它们组成的 namespace。",
    {"type": "array", "items": {"type": "object"}},
)
_NAMED_TOOLS = _field(
    "Tools the model may use, each with name, description and input_schema.",
    "模型可以使用的工具，包含 name、description 和 input_schema。",
    {"type": "array", "items": {"type": "object", "required": ["name"]}},
)
_ANTHROPIC_CHOICE = _field("Whether a tool is used: auto, any, none, or one tool.", "是否使用工具：auto、any、none 或指定工具。")
_THINKING = _field("Whether the model thinks first.", "模型是否先思考。")

FIELDS: dict[str, Field] = {
    # Of all protocols.
    "model": _field("Name of the model.", "模型名称。"),
    "name": _field("The older name of model.", "model 的旧名称。"),
    "stream": _field("Whether the answer comes piece by piece.", "是否逐段返回回答。"),
    "messages": _field("The conversation so far, oldest message first.", "到目前为止的对话，最早的消息在前。"),
    "tools": _field("Functions the model may call.", "模型可以调用的函数。", {"type": "array", "items": _TOOL}),
    "tool_choice": _field(
        "Whether tools are called: none, auto, required, or one named function.",
        "是否调用工具：none、auto、required，或指定的一个函数。",
        _CHOICE,
    ),
    "parallel_tool_calls": _field("Whether one answer may call several tools.", "一次回答是否可以调用多个工具。"),
    "logprobs": _field("Whether the log probability of each token comes back.", "是否返回每个 token 的对数概率。"),
    "top_logprobs": _field(
        "How many likely tokens are named at each place, up to 20.", "每个位置列出多少个可能的 token，最多 20 个。"
    ),
    "keep_alive": _field(
        "How long the model stays loaded afterwards: a duration such as 5m, seconds, 0 to unload, -1 for ever.",
        "回答后模型保持加载多久：如 5m 的时长、秒数，0 表示卸载，-1 表示一直保持。",
        _KEEP_ALIVE,
    ),
    "options": _field("Sampling and loading options.", "采样和加载选项。", _OPTIONS),
    "think": _field("Whether, or how hard, the model thinks first.", "模型是否先思考，以及思考的程度。", _THINK),
    "truncate": _field(
        "Whether what is too long for the context is cut; if not, it is refused.", "超出上下文的内容是否截断；否则拒绝请求。"
    ),
    "shift": _field(
        "Whether the answer goes on past the end of the context by dropping its beginning.",
        "上下文用完时，是否丢弃开头以继续回答。",
    ),
    "hearth": _field("What Hearth adds to the protocol.", "Hearth 对协议的补充。"),
    "suffix": _field("Text that follows the answer, for models that fill in.", "回答之后的文本，用于支持填充的模型。"),
    "images": _field("Images in base64, for models that see.", "base64 编码的图片，用于支持视觉的模型。"),
    "dimensions": _field("Keep only so many numbers of each vector; 0 keeps all.", "每个向量只保留这么多维；0 表示全部保留。"),
    "prompt": _field("The text to go on from.", "要续写的文本。"),
    "grammar": _field("GBNF grammar that the answer keeps to.", "回答必须遵守的 GBNF 语法。"),
    "seed": _field("The same seed gives the same answer.", "相同的种子得到相同的回答。"),
    # Ollama's.
    "format": _field(
        "json, or a JSON schema that the answer is always valid against.", "json，或回答始终符合的 JSON schema。", _FORMAT
    ),
    "raw": _field("The prompt goes to the model as it is, without its template.", "提示词原样交给模型，不套用模板。"),
    "system": _field("System prompt in place of the model's own.", "代替模型自带的系统提示词。"),
    "template": _field("Template in place of the model's own.", "代替模型自带的模板。"),
    "context": _field("The context of an earlier answer, to go on from it.", "之前回答的 context，用于接着对话。"),
    "_debug_render_only": _field(
        "Answer with the rendered prompt instead of running the model.", "只返回渲染后的提示词，不运行模型。"
    ),
    "MessageBody.role": _field("system, user, assistant or tool.", "system、user、assistant 或 tool。"),
    "MessageBody.content": _field("The text.", "文本。"),
    "thinking": _field("Thinking of an earlier answer.", "之前回答中的思考内容。"),
    "tool_calls": _field("Calls that an earlier answer made.", "之前回答中的工具调用。"),
    "tool_name": _field("Which tool a tool message is the result of.", "工具消息对应的工具名称。"),
    "tool_call_id": _field("Which call a tool message is the result of.", "工具消息对应的调用 id。"),
    "EmbedBody.input": _field("A text, or several.", "一个或多个文本。", _TEXTS),
    "EmbedBody.prompt": _field("The text.", "文本。"),
    "query": _field("What is looked for.", "要查找的内容。"),
    "documents": _field(
        "Texts to rank, or objects with a text.",
        "要排序的文本，或带 text 的对象。",
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "object"}]}},
    ),
    "texts": _field("Another name of documents.", "documents 的另一个名称。", {"type": "array", "items": {"type": "string"}}),
    "top_n": _field("So many of the best come back; 0 for all.", "返回最好的几个；0 表示全部。"),
    "return_documents": _field("Whether the documents come back too.", "是否同时返回文档。"),
    "content": _field("The text to take apart.", "要切分的文本。", {"type": "string"}),
    "TokenizeBody.prompt": _field(
        "Another name of content; gets the model's special tokens.",
        "content 的另一个名称；会加上模型的特殊 token。",
        {"type": "string"},
    ),
    "add_special": _field(
        "Whether the tokens that the model puts around an input are added.",
        "是否添加模型在输入前后加的 token。",
        {"type": "boolean"},
    ),
    "parse_special": _field(
        "Whether special tokens written out in the text are read as such.", "文本中写出的特殊 token 是否按特殊 token 解析。"
    ),
    "with_pieces": _field("Whether the text of each token comes back.", "是否返回每个 token 的文本。"),
    "tokens": _field("Tokens to put together.", "要还原的 token。", {"type": "array", "items": {"type": "integer"}}),
    "verbose": _field("With all lists of the file's metadata, and its tensors.", "包含文件元数据的所有列表和张量。"),
    "source": _field("Name of the model to copy.", "要复制的模型名称。"),
    "destination": _field("Its second name.", "新的名称。"),
    "insecure": _field("Registry over http, or without a valid certificate.", "允许 http 或证书无效的仓库。"),
    "username": _field("User name at the registry.", "仓库的用户名。"),
    "password": _field("Password or token at the registry.", "仓库的密码或令牌。"),
    "from": _field("The model that the new one is made from.", "新模型所基于的模型。"),
    "files": _field("File names to digests of uploaded blobs.", "文件名到已上传 blob 摘要的映射。"),
    "adapters": _field("LoRA adapter: file name to digest.", "LoRA 适配器：文件名到摘要。"),
    "license": _field("License text, or several.", "一个或多个许可证文本。", _TEXTS),
    "parameters": _field("Defaults for options.", "options 的默认值。"),
    "quantize": _field("Quantize to this type, such as q4_K_M.", "量化为此类型，如 q4_K_M。"),
    "HearthBody.events": _field(
        "Queue position, loading and prompt progress come before the first token.",
        "在第一个 token 之前发送排队位置、加载和提示词进度。",
    ),
    "HearthBody.priority": _field(
        "background waits until nobody else does.", "background 表示等其他请求都完成后再处理。", {"enum": ["", "background"]}
    ),
    "HearthBody.client": _field("Whom the queue is to be fair to.", "排队时按谁来公平分配。"),
    "HearthBody.scope": _field("Whose computed prompts may be used again.", "哪些已计算的提示词可以复用。"),
    "HearthBody.loop_guard": _field("End an answer that only repeats itself.", "结束不断重复的回答。"),
    # OpenAI's.
    "ChatMessageBody.role": _field("system, developer, user, assistant or tool.", "system、developer、user、assistant 或 tool。"),
    "ChatMessageBody.content": _field("A text, or parts: text and image_url.", "文本，或 text 与 image_url 组成的部分。", _PARTS),
    "ChatMessageBody.name": _field("Name of the function whose result this is (older shape).", "结果所属的函数名称（旧格式）。"),
    "reasoning_content": _field("Thinking of an earlier answer.", "之前回答中的思考内容。"),
    "ChatMessageBody.reasoning": _field("Thinking of an earlier answer.", "之前回答中的思考内容。"),
    "stream_options": _field(
        "include_usage sends the token counts at the end of a stream.", "include_usage 在流结束时发送 token 数量。"
    ),
    "include_usage": _field("Send the token counts at the end.", "在结束时发送 token 数量。"),
    "max_tokens": _field("Longest answer, in tokens.", "回答的最大 token 数。"),
    "max_completion_tokens": _field("Longest answer, in tokens, thinking included.", "回答的最大 token 数，包括思考。"),
    "n": _field("So many answers, up to 16.", "回答的个数，最多 16。"),
    "temperature": _field("0 always takes the likeliest token; higher is more varied.", "0 总取最可能的 token；越高越多样。"),
    "top_p": _field(
        "Choose among the likeliest tokens that together have this probability.", "在累计概率达到此值的 token 中选择。"
    ),
    "top_k": _field("Choose among so many of the likeliest tokens.", "在最可能的若干个 token 中选择。"),
    "min_p": _field("Leave out tokens less likely than this part of the likeliest.", "去掉概率低于最大概率这一比例的 token。"),
    "frequency_penalty": _field("Against tokens, the more often they came.", "按出现次数惩罚 token。"),
    "presence_penalty": _field("Against tokens that came at all.", "惩罚出现过的 token。"),
    "repeat_penalty": _field("Against repeated tokens; 1 is none.", "惩罚重复的 token；1 表示不惩罚。"),
    "stop": _field("Texts that end the answer.", "遇到即结束回答的文本。", _TEXTS),
    "logit_bias": _field("Token ids to numbers from -100, which forbids, to 100.", "token id 到 -100（禁止）至 100 的数值。"),
    "num_ctx": _field("Context length in tokens.", "上下文长度（token）。"),
    "response_format": _field(
        "text, json_object, or json_schema with a schema that the answer is always valid against.",
        "text、json_object，或 json_schema：回答始终符合其 schema。",
    ),
    "ResponseFormatBody.type": _field("Kind of format.", "格式的种类。", {"enum": ["text", "json_object", "json_schema"]}),
    "ResponseFormatBody.json_schema": _field("Name and schema.", "名称和 schema。"),
    "schema": _field("JSON schema.", "JSON schema。", {"type": "object"}),
    "JsonSchemaBody.name": _field("A name for it, which changes nothing.", "名称，不影响结果。"),
    "effort": _field("none, minimal, low, medium or high.", "none、minimal、low、medium 或 high。"),
    "ChatMessageBody.function_call": _field("The older shape of one call.", "单个调用的旧格式。"),
    "reasoning_effort": _field("none, minimal, low, medium or high.", "none、minimal、low、medium 或 high。"),
    "reasoning": _field("effort as in reasoning_effort.", "effort 与 reasoning_effort 相同。"),
    "ReasoningBody.enabled": _field("Whether the model thinks first, as OpenRouter has it.", "是否先思考，同 OpenRouter。"),
    "enable_thinking": _field("Whether the model thinks first, as DashScope has it.", "是否先思考，同百炼（DashScope）。"),
    "ChatCompletionBody.thinking": _field(
        "Whether the model thinks first, as Zhipu and DeepSeek have it: type enabled or disabled.",
        "模型是否先思考，与智谱、DeepSeek 相同：type 为 enabled 或 disabled。",
        {"type": "object", "properties": {"type": {"type": "string"}}},
    ),
    "chat_template_kwargs": _field("enable_thinking, as vLLM has it.", "enable_thinking，与 vLLM 相同。"),
    "CompletionBody.prompt": _field("A text, token ids, or several of either.", "文本、token id，或其列表。", _INPUT),
    "CompletionBody.logprobs": _field(
        "So many of the likeliest tokens at each place, up to 20.", "每个位置列出最可能的若干 token，最多 20 个。"
    ),
    "CompletionBody.raw": _field("false puts the prompt into the model's template.", "false 表示套用模型的模板。"),
    "echo": _field("Whether the prompt stands before the answer.", "是否在回答前附上提示词。"),
    "best_of": _field("Must be n.", "必须等于 n。"),
    "input": _field("A text, token ids, or several of either.", "文本、token id，或其列表。", _INPUT),
    "encoding_format": _field("float or base64.", "float 或 base64。", {"enum": ["float", "base64"]}),
    # Of responses.
    "InputTokensBody.input": _RESPONSE_INPUT,
    "ResponsesBody.input": _RESPONSE_INPUT,
    "InputTokensBody.tool_choice": _RESPONSE_CHOICE,
    "ResponsesBody.tool_choice": _RESPONSE_CHOICE,
    "InputTokensBody.tools": _RESPONSE_TOOLS,
    "ResponsesBody.tools": _RESPONSE_TOOLS,
    "instructions": _field("System prompt.", "系统提示词。"),
    "truncation": _field("auto leaves the oldest messages out where there are too many.", "auto 表示消息过多时去掉最早的消息。"),
    "text": _field("Format of the answer.", "回答的格式。"),
    "TextBody.format": _field(
        "text, json_object, or json_schema with a schema.", "text、json_object，或带 schema 的 json_schema。"
    ),
    "verbosity": _field("Changes nothing.", "不影响结果。"),
    "TextFormatBody.type": _field("text, json_object or json_schema.", "text、json_object 或 json_schema。"),
    "TextFormatBody.name": _field("A name for it, which changes nothing.", "名称，不影响结果。"),
    "TextFormatBody.description": _field("Changes nothing.", "不影响结果。"),
    "strict": _field("The answer is always valid against the schema.", "回答始终符合 schema。"),
    "ResponsesReasoningBody.summary": _field("Shows the thinking as a summary.", "以摘要形式显示思考内容。"),
    "generate_summary": _field("The older name of summary.", "summary 的旧名称。"),
    "max_output_tokens": _field("Longest answer, in tokens.", "回答的最大 token 数。"),
    "include": _field(
        "message.output_text.logprobs and reasoning.encrypted_content.",
        "message.output_text.logprobs 和 reasoning.encrypted_content。",
    ),
    "metadata": _field("Comes back with the answer.", "随回答返回。"),
    # Anthropic's.
    "AnthropicMessageBody.role": _field("user, assistant or system.", "user、assistant 或 system。"),
    "AnthropicMessageBody.content": _field(
        "A text, or blocks: text, image, document, tool_use, tool_result, thinking.",
        "文本，或 text、image、document、tool_use、tool_result、thinking 组成的块。",
        _PARTS,
    ),
    "ConversationBody.system": _field("System prompt: a text, or text blocks.", "系统提示词：文本或文本块。", _PARTS),
    "MessagesBody.system": _field("System prompt: a text, or text blocks.", "系统提示词：文本或文本块。", _PARTS),
    "ConversationBody.tools": _NAMED_TOOLS,
    "MessagesBody.tools": _NAMED_TOOLS,
    "ConversationBody.tool_choice": _ANTHROPIC_CHOICE,
    "MessagesBody.tool_choice": _ANTHROPIC_CHOICE,
    "ConversationBody.thinking": _THINKING,
    "MessagesBody.thinking": _THINKING,
    "output_config": _field("How hard to think, and the format of the answer.", "思考的程度和回答的格式。"),
    "output_format": _field("The older place of output_config.format.", "output_config.format 的旧位置。"),
    "OutputConfigBody.format": _field("A JSON schema that the answer is always valid against.", "回答始终符合的 JSON schema。"),
    "OutputFormatBody.type": _field("json_schema.", "只能是 json_schema。"),
    "OutputConfigBody.effort": _field("low, medium, high, xhigh or max.", "low、medium、high、xhigh 或 max。"),
    "AnthropicToolChoiceBody.type": _field("auto, any, tool or none.", "auto、any、tool 或 none。"),
    "AnthropicToolChoiceBody.name": _field("Name of the tool.", "工具名称。"),
    "disable_parallel_tool_use": _field("At most one call in an answer.", "一次回答最多调用一个工具。"),
    "ThinkingBody.type": _field(
        "enabled, adaptive, between_tools or disabled.", "enabled、adaptive、between_tools 或 disabled。"
    ),
    "budget_tokens": _field("Checked, and bounds nothing.", "会检查，但不限制思考长度。"),
    "display": _field("omitted does not show the thinking.", "omitted 表示不显示思考内容。"),
    "cache_control": _field("Decides how usage tells what was computed before.", "决定 usage 中如何表示已缓存的 token。"),
    "stop_sequences": _field("Texts that end the answer.", "遇到即结束回答的文本。"),
    # Hearth's.
    "kind": _field("Kind of work.", "任务种类。", {"enum": ["pull", "push", "import", "bench", "optimise"]}),
    "size": _field("Bytes.", "字节数。"),
    "digest": _field("sha256 of the file, to be compared when all is there.", "文件的 sha256，传完后核对。"),
    "UploadBody.name": _field("Name of the file.", "文件名。"),
    "active_parameters": _field(
        "Of a mixture of experts: those that one token goes through.", "混合专家模型中每个 token 经过的参数量。"
    ),
    "EstimateBody.parameters": _field("Number of parameters.", "参数量。"),
    "EstimateBody.context": _field("Context length in tokens.", "上下文长度（token）。"),
    "quantization": _field("Such as Q4_K_M.", "如 Q4_K_M。"),
    "registry": _field("Host and, where there is one, port.", "主机名，以及端口（如有）。"),
    "file": _field("Name of a file in the import folder.", "导入文件夹中的文件名。"),
    "upload": _field("Id of a finished upload.", "已完成上传的 id。"),
    "perplexity_limit": _field(
        "So many times the model's perplexity may the faster one have.", "加速版的困惑度最多为原模型的多少倍。"
    ),
}


def field_of(struct: str, name: str) -> Field | None:
    return FIELDS.get(f"{struct}.{name}") or FIELDS.get(name)
