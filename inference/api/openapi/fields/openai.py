"""Fields of OpenAI's chat completions, completions and embeddings."""

from inference.api.openapi.fields.field import PARTS, TEXTS, Field, explain

_INPUT = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "array", "items": {"type": "integer"}},
        {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
    ]
}

OPENAI: dict[str, Field] = {
    "ChatMessageBody.role": explain(
        "system, developer, user, assistant or tool.", "system、developer、user、assistant 或 tool。"
    ),
    "ChatMessageBody.content": explain("A text, or parts: text and image_url.", "文本，或 text 与 image_url 组成的部分。", PARTS),
    "ChatMessageBody.name": explain("Name of the function whose result this is (older shape).", "结果所属的函数名称（旧格式）。"),
    "reasoning_content": explain("Thinking of an earlier answer.", "之前回答中的思考内容。"),
    "ChatMessageBody.reasoning": explain("Thinking of an earlier answer.", "之前回答中的思考内容。"),
    "stream_options": explain(
        "include_usage sends the token counts at the end of a stream.", "include_usage 在流结束时发送 token 数量。"
    ),
    "include_usage": explain("Send the token counts at the end.", "在结束时发送 token 数量。"),
    "max_tokens": explain("Longest answer, in tokens.", "回答的最大 token 数。"),
    "max_completion_tokens": explain("Longest answer, in tokens, thinking included.", "回答的最大 token 数，包括思考。"),
    "n": explain("So many answers, up to 16.", "回答的个数，最多 16。"),
    "temperature": explain("0 always takes the likeliest token; higher is more varied.", "0 总取最可能的 token；越高越多样。"),
    "top_p": explain(
        "Choose among the likeliest tokens that together have this probability.", "在累计概率达到此值的 token 中选择。"
    ),
    "top_k": explain("Choose among so many of the likeliest tokens.", "在最可能的若干个 token 中选择。"),
    "min_p": explain("Leave out tokens less likely than this part of the likeliest.", "去掉概率低于最大概率这一比例的 token。"),
    "frequency_penalty": explain("Against tokens, the more often they came.", "按出现次数惩罚 token。"),
    "presence_penalty": explain("Against tokens that came at all.", "惩罚出现过的 token。"),
    "repeat_penalty": explain("Against repeated tokens; 1 is none.", "惩罚重复的 token；1 表示不惩罚。"),
    "stop": explain("Texts that end the answer.", "遇到即结束回答的文本。", TEXTS),
    "logit_bias": explain("Token ids to numbers from -100, which forbids, to 100.", "token id 到 -100（禁止）至 100 的数值。"),
    "num_ctx": explain("Context length in tokens.", "上下文长度（token）。"),
    "response_format": explain(
        "text, json_object, or json_schema with a schema that the answer is always valid against.",
        "text、json_object，或 json_schema：回答始终符合其 schema。",
    ),
    "ResponseFormatBody.type": explain("Kind of format.", "格式的种类。", {"enum": ["text", "json_object", "json_schema"]}),
    "ResponseFormatBody.json_schema": explain("Name and schema.", "名称和 schema。"),
    "schema": explain("JSON schema.", "JSON schema。", {"type": "object"}),
    "JsonSchemaBody.name": explain("A name for it, which changes nothing.", "名称，不影响结果。"),
    "effort": explain("none, minimal, low, medium or high.", "none、minimal、low、medium 或 high。"),
    "ChatMessageBody.function_call": explain("The older shape of one call.", "单个调用的旧格式。"),
    "reasoning_effort": explain("none, minimal, low, medium or high.", "none、minimal、low、medium 或 high。"),
    "reasoning": explain("effort as in reasoning_effort.", "effort 与 reasoning_effort 相同。"),
    "ReasoningBody.enabled": explain("Whether the model thinks first, as OpenRouter has it.", "是否先思考，同 OpenRouter。"),
    "enable_thinking": explain("Whether the model thinks first, as DashScope has it.", "是否先思考，同百炼（DashScope）。"),
    "ChatCompletionBody.thinking": explain(
        "Whether the model thinks first, as Zhipu and DeepSeek have it: type enabled or disabled.",
        "模型是否先思考，与智谱、DeepSeek 相同：type 为 enabled 或 disabled。",
        {"type": "object", "properties": {"type": {"type": "string"}}},
    ),
    "chat_template_kwargs": explain("enable_thinking, as vLLM has it.", "enable_thinking，与 vLLM 相同。"),
    "CompletionBody.prompt": explain("A text, token ids, or several of either.", "文本、token id，或其列表。", _INPUT),
    "CompletionBody.logprobs": explain(
        "So many of the likeliest tokens at each place, up to 20.", "每个位置列出最可能的若干 token，最多 20 个。"
    ),
    "CompletionBody.raw": explain("false puts the prompt into the model's template.", "false 表示套用模型的模板。"),
    "echo": explain("Whether the prompt stands before the answer.", "是否在回答前附上提示词。"),
    "best_of": explain("Must be n.", "必须等于 n。"),
    "input": explain("A text, token ids, or several of either.", "文本、token id，或其列表。", _INPUT),
    "encoding_format": explain("float or base64.", "float 或 base64。", {"enum": ["float", "base64"]}),
}
