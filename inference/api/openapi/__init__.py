"""The OpenAPI document of the runtime: what may be asked, what comes back, in English and Simplified Chinese.

operation.py   what is said of one endpoint
groups/        the endpoints, a file for each protocol; a new one is a few lines there
answers/       the shapes of answers, as structs that stand for nothing else
fields/        what each field of a request means, a file per protocol
options.py     Ollama's `options`, which have no struct
document.py    makes the document of them
endpoint.py    `GET /openapi.json`
"""
