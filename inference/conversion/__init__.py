"""Safetensors models, as Hugging Face's libraries write them, become GGUF files.

convert.py       what others call: starts the process and tells how far it is
__main__.py      the process: files of strangers are read here and nowhere else
safetensors.py   the file format of the weights
families.py      configurations: Llama and its relatives, BERT
vocabulary.py    tokenizers
gguf_file.py     what is written
"""
