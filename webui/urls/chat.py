"""The chat page, its fragments and its actions."""

from django.urls import path

from webui.views import chat, conversations, health, messages, sidebar

chat_urls = [
    path("", chat.chat, name="chat"),
    path("c/<uuid:conversation_id>/", conversations.conversation, name="conversation"),
    path("c/<uuid:conversation_id>/rename/", conversations.rename, name="conversation-rename"),
    path("c/<uuid:conversation_id>/delete/", conversations.delete, name="conversation-delete"),
    path("c/<uuid:conversation_id>/messages/", conversations.messages, name="conversation-messages"),
    path("messages/", messages.send, name="message-send"),
    path("messages/<uuid:message_id>/", messages.message, name="message"),
    path("messages/<uuid:message_id>/stop/", messages.stop, name="message-stop"),
    path("messages/<uuid:message_id>/continue/", messages.go_on, name="message-continue"),
    path("messages/<uuid:message_id>/retry/", messages.retry, name="message-retry"),
    path("sidebar/", sidebar.sidebar, name="sidebar"),
    path("health", health.health, name="health"),
]
