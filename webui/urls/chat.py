from django.urls import URLPattern

chat_urls: list[URLPattern] = []
