"""Ollama's endpoints, and those of Hearth beside them for tokens and ranking."""

from inference.api.library.copy import CopyBody
from inference.api.library.delete import DeleteBody
from inference.api.library.show import ShowBody
from inference.api.openapi.answers import generation, ollama
from inference.api.openapi.operation import NDJSON, Group, Operation, Parameter, Text
from inference.api.pull import TransferBody
from inference.api.schemas import ChatBody, DetokenizeBody, EmbedBody, GenerateBody, RerankBody, TokenizeBody
from inference.creation.request import CreateRequest
from inference.library.progress import Progress

MODEL = "smollm2:135m"
_ANSWER = "stream options keep_alive format think logprobs top_logprobs truncate shift hearth _debug_render_only"
_TRANSFER = "stream insecure username password"
_DIGEST = Parameter(
    "digest", "path", Text("sha256 of the bytes.", "内容的 sha256。"), {"type": "string", "pattern": "^sha256[:-][0-9a-f]{64}$"}
)
_MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]

OLLAMA = Group(
    "Ollama",
    Text("Ollama’s own API: whatever speaks to Ollama works.", "Ollama 的原生 API：能连接 Ollama 的程序都可以使用。"),
    (
        Operation(
            method="POST", path="/api/chat", is_work=True,
            summary=Text("Answer a conversation", "回答对话"),
            description=Text(
                "Streams one JSON object a line unless stream is false. Without messages it only loads the model.",
                "除非 stream 为 false，否则每行返回一个 JSON 对象。没有 messages 时只加载模型。",
            ),
            body=ChatBody, required="model messages", optional=f"tools tool_choice parallel_tool_calls {_ANSWER}",
            example={"model": MODEL, "messages": _MESSAGES, "options": {"num_predict": 100}},
            answer=generation.ChatAnswer, stream=(NDJSON, (generation.ChatAnswer, generation.Event, ollama.OllamaError)),
            refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/generate", is_work=True,
            summary=Text("Go on from a prompt", "续写提示词"),
            description=Text(
                "Streams one JSON object a line unless stream is false. With suffix, models that can fill in the middle do.",
                "除非 stream 为 false，否则每行返回一个 JSON 对象。提供 suffix 时，支持的模型会填充中间内容。",
            ),
            body=GenerateBody, required="model prompt", optional=f"suffix system template context raw images {_ANSWER}",
            example={"model": MODEL, "prompt": "Once upon a time", "options": {"num_predict": 100}},
            answer=generation.GenerateAnswer, stream=(NDJSON, (generation.GenerateAnswer, generation.Event, ollama.OllamaError)),
            refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/embed", is_work=True,
            summary=Text("Make vectors of texts", "生成文本向量"),
            body=EmbedBody, required="model input", optional="dimensions truncate options keep_alive hearth",
            example={"model": MODEL, "input": ["The sky is blue.", "天空是蓝色的。"]},
            answer=ollama.Embeddings, refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/embeddings", is_work=True,
            summary=Text("Make the vector of one text (older)", "生成单个文本的向量（旧接口）"),
            body=EmbedBody, required="model prompt", optional="options keep_alive hearth",
            example={"model": MODEL, "prompt": "The sky is blue."},
            answer=ollama.OldEmbedding, refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/rerank", is_work=True,
            summary=Text("Rank documents by a query", "按查询对文档排序"),
            description=Text("Needs a model made for ranking.", "需要专门用于重排序的模型。"),
            body=RerankBody, required="model query documents",
            optional="texts top_n return_documents truncate options keep_alive hearth",
            example={"model": "bge-reranker", "query": "blue", "documents": ["The sky is blue.", "Grass is green."]},
            answer=ollama.Ranking, refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/tokenize", is_work=True,
            summary=Text("Take a text or a conversation apart into tokens", "将文本或对话切分为 token"),
            description=Text("One of content, prompt and messages.", "content、prompt、messages 三者选一。"),
            body=TokenizeBody, required="model",
            optional="content prompt messages tools add_special parse_special with_pieces think options keep_alive",
            example={"model": MODEL, "content": "The sky is blue.", "with_pieces": True},
            answer=ollama.Tokens, refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/detokenize", is_work=True,
            summary=Text("Put tokens together", "将 token 还原为文本"),
            body=DetokenizeBody, required="model tokens", optional="options keep_alive",
            example={"model": MODEL, "tokens": [504, 6376, 314, 4461, 30]},
            answer=ollama.Detokenized, refusals=(404,),
        ),
        Operation(
            method="GET", path="/api/tags",
            summary=Text("List installed models", "列出已安装的模型"), answer=ollama.InstalledModels,
        ),
        Operation(
            method="GET", path="/api/ps",
            summary=Text("List loaded models", "列出已加载的模型"), answer=ollama.LoadedModels,
        ),
        Operation(
            method="POST", path="/api/show",
            summary=Text("Show all about a model", "显示模型的详细信息"),
            body=ShowBody, required="model", optional="verbose system options",
            example={"model": MODEL}, answer=ollama.ShownModel, refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/create",
            summary=Text("Make a model from another one or from files", "由已有模型或文件创建模型"),
            body=CreateRequest, required="model",
            optional="from files adapters template license system parameters messages quantize stream",
            example={"model": "sky", "from": MODEL, "system": "You only talk about the sky."},
            answer=Progress, stream=(NDJSON, (Progress, ollama.OllamaError)), refusals=(404, 507),
        ),
        Operation(
            method="POST", path="/api/copy",
            summary=Text("Give a model a second name", "复制模型"),
            body=CopyBody, required="source destination", example={"source": MODEL, "destination": "sky"}, refusals=(404, 507),
        ),
        Operation(
            method="DELETE", path="/api/delete",
            summary=Text("Delete a model", "删除模型"),
            body=DeleteBody, required="model", example={"model": "sky"}, refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/pull",
            summary=Text("Download a model", "下载模型"),
            description=Text(
                "Goes on when the client goes away. Asks the model’s registry.",
                "客户端断开后继续下载。会访问模型所在的仓库。",
            ),
            body=TransferBody, required="model", optional=_TRANSFER, example={"model": MODEL},
            answer=Progress, stream=(NDJSON, (Progress, ollama.OllamaError)), refusals=(401, 404, 507),
        ),
        Operation(
            method="POST", path="/api/push",
            summary=Text("Upload a model to its registry", "将模型上传到仓库"),
            body=TransferBody, required="model", optional=_TRANSFER, example={"model": "registry.example.org/sky/sky"},
            answer=Progress, stream=(NDJSON, (Progress, ollama.OllamaError)), refusals=(401, 404),
        ),
        Operation(
            method="HEAD", path="/api/blobs/{digest}",
            summary=Text("Ask whether a file is there", "查询文件是否存在"), parameters=(_DIGEST,), refusals=(404,),
        ),
        Operation(
            method="POST", path="/api/blobs/{digest}",
            summary=Text("Upload a file to make a model from", "上传用于创建模型的文件"),
            parameters=(_DIGEST,), takes_bytes=True, statuses=(200, 201), refusals=(507,),
        ),
        Operation(
            method="GET", path="/api/version",
            summary=Text("Tell the version", "查询版本"),
            description=Text("Of the Ollama whose API this is, and of Hearth.", "所兼容的 Ollama 版本，以及 Hearth 的版本。"),
            answer=ollama.Version,
        ),
        Operation(
            method="GET", path="/api/status",
            summary=Text("Tell that no cloud is used", "说明不使用云服务"), answer=ollama.Status,
        ),
    ),
)  # fmt: skip
