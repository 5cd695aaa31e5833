"""The outside world: files, photographs, keys, peers. Everything here checks what it is handed."""
