from django import forms


class MessageForm(forms.Form):
    """A message from the composer. Length and emptiness are judged by the service, for every door alike."""

    conversation = forms.UUIDField(required=False)
    content = forms.CharField(required=False, strip=False)
    model = forms.CharField(required=False, max_length=255)
    thinking = forms.BooleanField(required=False)
