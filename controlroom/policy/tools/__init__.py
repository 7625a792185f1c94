"""Agents' tools that are no shell: files, patches, MCP servers, and controlroom's own `ask`."""
