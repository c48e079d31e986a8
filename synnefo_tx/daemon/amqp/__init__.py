"""
The event bus over an AMQP 0-9-1 broker, RabbitMQ by choice.

The only place that sees txamqp; what txamqp 0.8.2 gets wrong is put right here, by subclassing.
"""
