"""Chat templates that write Harmony, as short as they can be, with the limits of the one that gpt-oss is published with."""

JINJA = """
{%- macro typed(schema) -%}
    {{- "number" if schema.type == "integer" else schema.type }}
    {%- if schema.enum and schema.default is defined %}{{ ", // default: " + schema.default }}{% endif %}
{%- endmacro -%}
<|start|>system<|message|>Reasoning: {{ reasoning_effort if reasoning_effort is defined else "medium" }}<|end|>
{%- set rest = messages[1:] if messages[0].role in ["system", "developer"] else messages %}
{%- if messages[0].role == "system" or tools %}
    {{- "<|start|>developer<|message|>" }}
    {%- if messages[0].role == "system" %}{{- "# Instructions\\n\\n" + messages[0].content }}{% endif %}
    {%- for tool in tools or [] %}
        {{- "\\n// " + tool.function.description + "\\ntype " + tool.function.name + " = (_: {" }}
        {%- set parameters = tool.function.parameters or {"properties": {}} %}
        {%- for name, schema in parameters.properties.items() %}{{ name }}: {{ typed(schema) }};{% endfor %}
        {{- "})" }}
    {%- endfor %}
    {{- "<|end|>" }}
{%- endif %}
{%- set last = namespace(name=none) %}
{%- for message in rest %}
    {%- if message.role == "user" %}
        {{- "<|start|>user<|message|>" + message.content + "<|end|>" }}
    {%- elif message.role == "tool" %}
        {%- if last.name is none %}{{ raise_exception("a result without a call") }}{% endif %}
        {{- "<|start|>functions." + last.name + " to=assistant<|channel|>commentary<|message|>" }}
        {{- message.content|tojson + "<|end|>" }}
    {%- elif "tool_calls" in message %}
        {%- set later = namespace(final=false) %}
        {%- for other in rest[loop.index:] if other.role == "assistant" and "tool_calls" not in other %}
            {%- set later.final = true %}
        {%- endfor %}
        {%- if message.content and message.thinking %}{{ raise_exception("content and thinking beside a call") }}{% endif %}
        {%- if (message.content or message.thinking) and not later.final %}
            {{- "<|start|>assistant<|channel|>analysis<|message|>" + (message.content or message.thinking) + "<|end|>" }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- "<|start|>assistant to=functions." + call.name + "<|channel|>commentary json<|message|>" }}
        {{- call.arguments|tojson + "<|call|>" }}
        {%- set last.name = call.name %}
    {%- else %}
        {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|end|>" }}
        {%- set last.name = none %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|start|>assistant{% endif -%}
"""

GO = """<|start|>system<|message|>{{ if and .IsThinkSet .Think (ne .ThinkLevel "") }}Reasoning: {{ .ThinkLevel }}
{{- else if or (not .IsThinkSet) .Think }}Reasoning: medium{{ end }}<|end|>
{{- if or .Tools .System }}<|start|>developer<|message|>{{ .System }}{{ range .Tools }} type {{ .Function.Name }};{{ end }}<|end|>
{{- end }}
{{- $begun := false }}
{{- range $i, $m := .Messages }}
{{- $isLast := eq (len (slice $.Messages $i)) 1 }}
{{- if eq .Role "tool" }}<|start|>functions.{{ .ToolName }} to=assistant<|channel|>commentary<|message|>{{ .Content }}<|end|>
{{- else if eq .Role "user" }}<|start|>user<|message|>{{ .Content }}<|end|>
{{- else if eq .Role "assistant" }}
{{- if .Thinking }}<|start|>assistant<|channel|>analysis<|message|>{{ .Thinking }}<|end|>{{ end }}
{{- if .Content }}<|start|>assistant<|channel|>final<|message|>{{ .Content }}
{{- if $isLast }}{{ $begun = true }}{{ else }}<|end|>{{ end }}{{ end }}
{{- range .ToolCalls }}<|start|>assistant<|channel|>commentary to=functions.{{ .Function.Name }} <|constrain|>json<|message|>
{{- .Function.Arguments }}<|call|>{{ end }}
{{- end }}
{{- end }}
{{- if not $begun }}<|start|>assistant{{ end }}"""
