#include "adapters/rabbitmq/probe.h"

#include "runtime/process_metrics.h"

namespace simplechat::adapters::rabbitmq {

ProducerProbe::ProducerProbe(runtime::MetricsRegistry& metrics)
    : records_(metrics.histogram("queue_body_records", "Records of one body that RabbitMQ was given",
                                 runtime::batch_bounds())),
      bytes_(metrics.counter("queue_body_bytes_total", "Bytes of the bodies that RabbitMQ was given")),
      confirm_s_(metrics.histogram("queue_confirm_seconds", "From sending a body to RabbitMQ's confirm",
                                   runtime::latency_bounds_s())),
      refused_(metrics.counter("queue_bodies_refused_total", "Bodies that RabbitMQ refused")),
      unconfirmed_(metrics.gauge("queue_bodies_unconfirmed", "Bodies sent to RabbitMQ and not confirmed yet")),
      reconnects_(metrics.counter("queue_connections_lost_total",
                                  "Connections to the queue that were lost, or could not be made")) {}

}  // namespace simplechat::adapters::rabbitmq
