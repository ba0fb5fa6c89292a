"""OpenAI's endpoints, and Cohere's for ranking, which stands below `/v1/` too."""

from inference.api.openai.schemas import ChatCompletionBody, CompletionBody, EmbeddingBody
from inference.api.openapi.answers import openai
from inference.api.openapi.groups.ollama import MODEL
from inference.api.openapi.groups.responses import RESPONSES
from inference.api.openapi.operation import SSE, Group, Operation, Parameter, Text
from inference.api.schemas import RerankBody

_SAMPLING = "temperature top_p seed stop frequency_penalty presence_penalty logit_bias n"
_BEYOND = "top_k min_p repeat_penalty num_ctx grammar options keep_alive shift hearth"
_RANKING = "texts top_n return_documents truncate options keep_alive hearth"
_RANKED = {"model": "bge-reranker", "query": "blue", "documents": ["The sky is blue.", "Grass is green."]}
_CHAT_EXAMPLE = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Why is the sky blue?"}],
    "max_completion_tokens": 100,
    "stream": True,
}


def _rerank(path: str, summary: Text) -> Operation:
    return Operation(
        method="POST", path=path, is_work=True, summary=summary,
        description=Text("Needs a model made for ranking.", "需要专门用于重排序的模型。"),
        body=RerankBody, required="model query documents", optional=_RANKING, example=_RANKED,
        answer=openai.RankingV1, refusals=(404,),
    )  # fmt: skip


OPENAI = Group(
    "OpenAI",
    Text("OpenAI’s API: whatever lets you set a base URL works.", "OpenAI 的 API：能设置 base URL 的程序都可以使用。"),
    (
        Operation(
            method="POST", path="/v1/chat/completions", is_work=True,
            summary=Text("Answer a conversation", "回答对话"),
            description=Text(
                "With stream, server-sent events that end with data: [DONE].",
                "设置 stream 时返回 server-sent events，以 data: [DONE] 结束。",
            ),
            body=ChatCompletionBody, required="model messages",
            optional="stream stream_options max_completion_tokens max_tokens tools tool_choice parallel_tool_calls "
            f"response_format {_SAMPLING} logprobs top_logprobs reasoning_effort reasoning think "
            f"enable_thinking thinking chat_template_kwargs truncate {_BEYOND}",
            example=_CHAT_EXAMPLE,
            answer=openai.ChatCompletion, stream=(SSE, (openai.ChatCompletionChunk, openai.OpenAIError)), refusals=(404,),
        ),
        *RESPONSES,
        Operation(
            method="POST", path="/v1/completions", is_work=True,
            summary=Text("Go on from a prompt", "续写提示词"),
            body=CompletionBody, required="model prompt",
            optional=f"suffix stream stream_options max_tokens {_SAMPLING} echo best_of logprobs raw {_BEYOND}",
            example={"model": MODEL, "prompt": "Once upon a time", "max_tokens": 100, "stream": True},
            answer=openai.Completion, stream=(SSE, (openai.Completion, openai.OpenAIError)), refusals=(404,),
        ),
        Operation(
            method="POST", path="/v1/embeddings", is_work=True,
            summary=Text("Make vectors of texts", "生成文本向量"),
            body=EmbeddingBody, required="model input",
            optional="dimensions encoding_format truncate num_ctx options keep_alive hearth",
            example={"model": MODEL, "input": ["The sky is blue."]}, answer=openai.EmbeddingList, refusals=(404,),
        ),
        Operation(
            method="GET", path="/v1/models",
            summary=Text("List installed models", "列出已安装的模型"), answer=openai.ModelList,
        ),
        Operation(
            method="GET", path="/v1/models/{model}",
            summary=Text("Show one model", "显示一个模型"),
            parameters=(Parameter("model", "path", Text("Its name.", "模型名称。"), example=MODEL),),
            answer=openai.Model, refusals=(404,),
        ),
        _rerank("/v1/rerank", Text("Rank documents by a query (Cohere, Jina)", "按查询对文档排序（Cohere、Jina）")),
        _rerank("/v2/rerank", Text("Rank documents by a query (Cohere’s version 2)", "按查询对文档排序（Cohere 第 2 版）")),
    ),
)  # fmt: skip
