"""
AMQP 0-9-1 as txamqp's loader wants it told: the classes and methods used here, in its XML form.

Numbers and field orders are those of the protocol, plus RabbitMQ's extensions that we use:
`confirm.select`, `basic.nack`, and `basic.cancel` sent by the broker.
Source: AMQP 0-9-1 specification, section 1.8 and the class reference; RabbitMQ's list of
extensions; checked against RabbitMQ 3.10.8.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from txamqp.spec import load_string

DEFINITION = """
<amqp major="0" minor="9">
  <constant name="frame-method" value="1"/>
  <constant name="frame-header" value="2"/>
  <constant name="frame-body" value="3"/>
  <constant name="frame-heartbeat" value="8"/>
  <constant name="frame-end" value="206"/>

  <class name="connection" handler="connection" index="10">
    <method name="start" synchronous="1" index="10">
      <response name="start-ok"/>
      <field name="version-major" type="octet"/>
      <field name="version-minor" type="octet"/>
      <field name="server-properties" type="table"/>
      <field name="mechanisms" type="longstr"/>
      <field name="locales" type="longstr"/>
    </method>
    <method name="start-ok" synchronous="1" index="11">
      <field name="client-properties" type="table"/>
      <field name="mechanism" type="shortstr"/>
      <field name="response" type="longstr"/>
      <field name="locale" type="shortstr"/>
    </method>
    <method name="tune" synchronous="1" index="30">
      <response name="tune-ok"/>
      <field name="channel-max" type="short"/>
      <field name="frame-max" type="long"/>
      <field name="heartbeat" type="short"/>
    </method>
    <method name="tune-ok" synchronous="1" index="31">
      <field name="channel-max" type="short"/>
      <field name="frame-max" type="long"/>
      <field name="heartbeat" type="short"/>
    </method>
    <method name="open" synchronous="1" index="40">
      <response name="open-ok"/>
      <field name="virtual-host" type="shortstr"/>
      <field name="reserved-1" type="shortstr"/>
      <field name="reserved-2" type="bit"/>
    </method>
    <method name="open-ok" synchronous="1" index="41">
      <field name="reserved-1" type="shortstr"/>
    </method>
    <method name="close" synchronous="1" index="50">
      <response name="close-ok"/>
      <field name="reply-code" type="short"/>
      <field name="reply-text" type="shortstr"/>
      <field name="class-id" type="short"/>
      <field name="method-id" type="short"/>
    </method>
    <method name="close-ok" synchronous="1" index="51">No fields.</method>
  </class>

  <class name="channel" handler="channel" index="20">
    <method name="open" synchronous="1" index="10">
      <response name="open-ok"/>
      <field name="reserved-1" type="shortstr"/>
    </method>
    <method name="open-ok" synchronous="1" index="11">
      <field name="reserved-1" type="longstr"/>
    </method>
    <method name="flow" synchronous="1" index="20">
      <response name="flow-ok"/>
      <field name="active" type="bit"/>
    </method>
    <method name="flow-ok" index="21">
      <field name="active" type="bit"/>
    </method>
    <method name="close" synchronous="1" index="40">
      <response name="close-ok"/>
      <field name="reply-code" type="short"/>
      <field name="reply-text" type="shortstr"/>
      <field name="class-id" type="short"/>
      <field name="method-id" type="short"/>
    </method>
    <method name="close-ok" synchronous="1" index="41">No fields.</method>
  </class>

  <class name="exchange" handler="channel" index="40">
    <method name="declare" synchronous="1" index="10">
      <response name="declare-ok"/>
      <field name="reserved-1" type="short"/>
      <field name="exchange" type="shortstr"/>
      <field name="type" type="shortstr"/>
      <field name="passive" type="bit"/>
      <field name="durable" type="bit"/>
      <field name="auto-delete" type="bit"/>
      <field name="internal" type="bit"/>
      <field name="nowait" type="bit"/>
      <field name="arguments" type="table"/>
    </method>
    <method name="declare-ok" synchronous="1" index="11">No fields.</method>
    <method name="delete" synchronous="1" index="20">
      <response name="delete-ok"/>
      <field name="reserved-1" type="short"/>
      <field name="exchange" type="shortstr"/>
      <field name="if-unused" type="bit"/>
      <field name="nowait" type="bit"/>
    </method>
    <method name="delete-ok" synchronous="1" index="21">No fields.</method>
  </class>

  <class name="queue" handler="channel" index="50">
    <method name="declare" synchronous="1" index="10">
      <response name="declare-ok"/>
      <field name="reserved-1" type="short"/>
      <field name="queue" type="shortstr"/>
      <field name="passive" type="bit"/>
      <field name="durable" type="bit"/>
      <field name="exclusive" type="bit"/>
      <field name="auto-delete" type="bit"/>
      <field name="nowait" type="bit"/>
      <field name="arguments" type="table"/>
    </method>
    <method name="declare-ok" synchronous="1" index="11">
      <field name="queue" type="shortstr"/>
      <field name="message-count" type="long"/>
      <field name="consumer-count" type="long"/>
    </method>
    <method name="bind" synchronous="1" index="20">
      <response name="bind-ok"/>
      <field name="reserved-1" type="short"/>
      <field name="queue" type="shortstr"/>
      <field name="exchange" type="shortstr"/>
      <field name="routing-key" type="shortstr"/>
      <field name="nowait" type="bit"/>
      <field name="arguments" type="table"/>
    </method>
    <method name="bind-ok" synchronous="1" index="21">No fields.</method>
    <method name="purge" synchronous="1" index="30">
      <response name="purge-ok"/>
      <field name="reserved-1" type="short"/>
      <field name="queue" type="shortstr"/>
      <field name="nowait" type="bit"/>
    </method>
    <method name="purge-ok" synchronous="1" index="31">
      <field name="message-count" type="long"/>
    </method>
    <method name="delete" synchronous="1" index="40">
      <response name="delete-ok"/>
      <field name="reserved-1" type="short"/>
      <field name="queue" type="shortstr"/>
      <field name="if-unused" type="bit"/>
      <field name="if-empty" type="bit"/>
      <field name="nowait" type="bit"/>
    </method>
    <method name="delete-ok" synchronous="1" index="41">
      <field name="message-count" type="long"/>
    </method>
    <method name="unbind" synchronous="1" index="50">
      <response name="unbind-ok"/>
      <field name="reserved-1" type="short"/>
      <field name="queue" type="shortstr"/>
      <field name="exchange" type="shortstr"/>
      <field name="routing-key" type="shortstr"/>
      <field name="arguments" type="table"/>
    </method>
    <method name="unbind-ok" synchronous="1" index="51">No fields.</method>
  </class>

  <class name="basic" handler="channel" index="60">
    <field name="content-type" type="shortstr"/>
    <field name="content-encoding" type="shortstr"/>
    <field name="headers" type="table"/>
    <field name="delivery-mode" type="octet"/>
    <field name="priority" type="octet"/>
    <field name="correlation-id" type="shortstr"/>
    <field name="reply-to" type="shortstr"/>
    <field name="expiration" type="shortstr"/>
    <field name="message-id" type="shortstr"/>
    <field name="timestamp" type="timestamp"/>
    <field name="type" type="shortstr"/>
    <field name="user-id" type="shortstr"/>
    <field name="app-id" type="shortstr"/>
    <field name="reserved" type="shortstr"/>
    <method name="qos" synchronous="1" index="10">
      <response name="qos-ok"/>
      <field name="prefetch-size" type="long"/>
      <field name="prefetch-count" type="short"/>
      <field name="global" type="bit"/>
    </method>
    <method name="qos-ok" synchronous="1" index="11">No fields.</method>
    <method name="consume" synchronous="1" index="20">
      <response name="consume-ok"/>
      <field name="reserved-1" type="short"/>
      <field name="queue" type="shortstr"/>
      <field name="consumer-tag" type="shortstr"/>
      <field name="no-local" type="bit"/>
      <field name="no-ack" type="bit"/>
      <field name="exclusive" type="bit"/>
      <field name="nowait" type="bit"/>
      <field name="arguments" type="table"/>
    </method>
    <method name="consume-ok" synchronous="1" index="21">
      <field name="consumer-tag" type="shortstr"/>
    </method>
    <method name="cancel" synchronous="1" index="30">
      <response name="cancel-ok"/>
      <field name="consumer-tag" type="shortstr"/>
      <field name="nowait" type="bit"/>
    </method>
    <method name="cancel-ok" synchronous="1" index="31">
      <field name="consumer-tag" type="shortstr"/>
    </method>
    <method name="publish" content="1" index="40">
      <field name="reserved-1" type="short"/>
      <field name="exchange" type="shortstr"/>
      <field name="routing-key" type="shortstr"/>
      <field name="mandatory" type="bit"/>
      <field name="immediate" type="bit"/>
    </method>
    <method name="return" content="1" index="50">
      <field name="reply-code" type="short"/>
      <field name="reply-text" type="shortstr"/>
      <field name="exchange" type="shortstr"/>
      <field name="routing-key" type="shortstr"/>
    </method>
    <method name="deliver" content="1" index="60">
      <field name="consumer-tag" type="shortstr"/>
      <field name="delivery-tag" type="longlong"/>
      <field name="redelivered" type="bit"/>
      <field name="exchange" type="shortstr"/>
      <field name="routing-key" type="shortstr"/>
    </method>
    <method name="get" synchronous="1" index="70">
      <response name="get-ok"/>
      <response name="get-empty"/>
      <field name="reserved-1" type="short"/>
      <field name="queue" type="shortstr"/>
      <field name="no-ack" type="bit"/>
    </method>
    <method name="get-ok" synchronous="1" content="1" index="71">
      <field name="delivery-tag" type="longlong"/>
      <field name="redelivered" type="bit"/>
      <field name="exchange" type="shortstr"/>
      <field name="routing-key" type="shortstr"/>
      <field name="message-count" type="long"/>
    </method>
    <method name="get-empty" synchronous="1" index="72">
      <field name="reserved-1" type="shortstr"/>
    </method>
    <method name="ack" index="80">
      <field name="delivery-tag" type="longlong"/>
      <field name="multiple" type="bit"/>
    </method>
    <method name="reject" index="90">
      <field name="delivery-tag" type="longlong"/>
      <field name="requeue" type="bit"/>
    </method>
    <method name="nack" index="120">
      <field name="delivery-tag" type="longlong"/>
      <field name="multiple" type="bit"/>
      <field name="requeue" type="bit"/>
    </method>
  </class>

  <class name="confirm" handler="channel" index="85">
    <method name="select" synchronous="1" index="10">
      <response name="select-ok"/>
      <field name="nowait" type="bit"/>
    </method>
    <method name="select-ok" synchronous="1" index="11">No fields.</method>
  </class>
</amqp>
"""


@cache
def protocol() -> Any:
    """The definition as txamqp's model of a protocol; parsed once."""
    return load_string(DEFINITION.encode(), "amqp0-9-1")
