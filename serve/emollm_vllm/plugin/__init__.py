"""What vLLM loads: the model class, the processor, media, grounded faces, and the engine in this process."""
