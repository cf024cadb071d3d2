# Messages and refusals of the recorder.
