"""What was typed or fetched by others, made safe to show; redaction of secrets."""
