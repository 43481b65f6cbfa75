import threading

from subject import AuditLog

log = AuditLog(2)
thread = threading.Thread(target=lambda: [log.write(str(n)) for n in range(4)], daemon=True)
thread.start()
thread.join(0.5)
assert not thread.is_alive()
assert log.files == [["0", "1"], ["2", "3"]]
