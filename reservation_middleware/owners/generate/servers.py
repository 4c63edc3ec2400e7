def server_files(intent, head, site):
    return {}
