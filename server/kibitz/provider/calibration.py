class Calibration:
    def input(self, model: str, language: str, raw: int) -> int:
        return raw

    def output(self, model: str, kind: str, bound: int) -> int:
        return bound

    def learn_input(self, model: str, language: str, raw: int, actual: int) -> None: ...
    def learn_output(self, model: str, kind: str, actual: int) -> None: ...
