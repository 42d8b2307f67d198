// Tested by test/server/metrics/prometheus_test.cpp.
#include "server/metrics/prometheus.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>
#include <vector>

namespace parley::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Builds the families one after the other.
class Families {
 public:
  void gauge(std::string name, std::string help, double value) {
    family(std::move(name), std::move(help), MetricType::Gauge);
    sample("", "", value);
  }
  void counter(std::string name, std::string help, double value) {
    family(std::move(name), std::move(help), MetricType::Counter);
    sample("", "", value);
  }
  void family(std::string name, std::string help, MetricType type) {
    families_.push_back({std::move(name), std::move(help), type, {}});
  }
  void sample(std::string label, std::string label_value, double value) {
    ClientMetric metric = labelled(std::move(label), std::move(label_value));
    (families_.back().type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value;
    families_.back().metric.push_back(std::move(metric));
  }
  void histogram(const engine::HistogramSnapshot& snapshot, std::string label = "",
                 std::string label_value = "") {
    ClientMetric metric = labelled(std::move(label), std::move(label_value));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < snapshot.counts.size(); ++i) {
      below += snapshot.counts[i];
      const double bound =
          i < snapshot.bounds.size() ? snapshot.bounds[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({below, bound});
    }
    metric.histogram.sample_count = below;
    metric.histogram.sample_sum = snapshot.sum;
    families_.back().metric.push_back(std::move(metric));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  static ClientMetric labelled(std::string label, std::string label_value) {
    ClientMetric metric;
    if (!label.empty()) metric.label.push_back({std::move(label), std::move(label_value)});
    return metric;
  }
  std::vector<MetricFamily> families_;
};

double as_double(std::uint64_t count) { return static_cast<double>(count); }

void add_engine(Families& families, const engine::EngineStatus& engine) {
  families.family("parley_slots", "Conversations with state on the device", MetricType::Gauge);
  families.sample("state", "held", engine.slots_held);
  families.sample("state", "free", engine.slots - engine.slots_held);
  families.gauge("parley_load", "Share of the time spent on hungry responses", engine.load);
  families.gauge("parley_accepting", "1 while a new session would be served", engine.accepting ? 1 : 0);
  families.gauge("parley_engine_stuck", "1 while a step takes longer than it may", engine.stuck ? 1 : 0);
  families.gauge("parley_turns_running", "Turns begun or waiting", engine.turns_running);

  families.family("parley_step_seconds", "One pass of the model", MetricType::Histogram);
  for (int kind = 0; kind < engine::work_kinds; ++kind)
    families.histogram(engine.step_seconds[static_cast<std::size_t>(kind)], "kind",
                       name(static_cast<engine::WorkKind>(kind)));
  families.family("parley_batch_size", "Turns in one pass", MetricType::Histogram);
  for (int kind = 0; kind < engine::work_kinds; ++kind)
    families.histogram(engine.batch_size[static_cast<std::size_t>(kind)], "kind",
                       name(static_cast<engine::WorkKind>(kind)));
  families.family("parley_first_audio_seconds", "End of the user's turn to the first audio of the answer",
                  MetricType::Histogram);
  families.histogram(engine.first_audio_seconds);
  families.family("parley_underrun_seconds", "Longest gap of each spoken response", MetricType::Histogram);
  families.histogram(engine.underrun_seconds);
  families.family("parley_lead_seconds", "Audio ahead of the listener when a chunk is made",
                  MetricType::Histogram);
  families.histogram(engine.lead_seconds);

  families.family("parley_continuity_total",
                  "Spoken responses, by whether their longest gap was at most 100 ms", MetricType::Counter);
  families.sample("ok", "true", as_double(engine.continuous));
  families.sample("ok", "false", as_double(engine.interrupted));
  families.family("parley_speculation_total", "Answers started on trial", MetricType::Counter);
  families.sample("outcome", "started", as_double(engine.speculations_started));
  families.sample("outcome", "kept", as_double(engine.speculations_kept));
  families.sample("outcome", "thrown_away", as_double(engine.speculations_thrown_away));
  families.sample("outcome", "parked", as_double(engine.speculations_parked));
  families.counter("parley_speculation_saved_seconds_total", "Head start of the trials that were kept",
                   engine.speculation_saved_seconds);
  families.family("parley_prefill_tokens_total", "Prompt tokens, by whether their state was reused",
                  MetricType::Counter);
  families.sample("reused", "true", as_double(engine.prefill_tokens_reused));
  families.sample("reused", "false", as_double(engine.prefill_tokens_new));
  families.family("parley_turns_total", "Turns that ended", MetricType::Counter);
  for (std::size_t status = 0; status < engine.turns.size(); ++status)
    families.sample("status", name(static_cast<engine::TurnStatus>(status)), as_double(engine.turns[status]));
  families.family("parley_queue_depth", "What waits", MetricType::Gauge);
  families.sample("queue", "mailbox", engine.mailbox_depth);
  families.sample("queue", "turns", engine.turns_waiting);
}

void add_server(Families& families, const engine::EngineStatus& engine, const Counters& counters) {
  families.gauge("parley_sessions", "Open sessions", counters.sessions);
  families.gauge("parley_connections", "Open sockets", counters.connections);
  families.counter("parley_sessions_opened_total", "Sessions opened", as_double(counters.sessions_opened));
  families.counter("parley_http_requests_total", "HTTP requests", as_double(counters.requests));
  families.family("parley_messages_total", "WebSocket messages", MetricType::Counter);
  families.sample("kind", "text_in", as_double(counters.text_in));
  families.sample("kind", "binary_in", as_double(counters.binary_in));
  families.sample("kind", "text_out", as_double(counters.text_out));
  families.sample("kind", "binary_out", as_double(counters.binary_out));
  families.family("parley_bytes_total", "Bytes of WebSocket messages", MetricType::Counter);
  families.sample("direction", "in", as_double(counters.bytes_in));
  families.sample("direction", "out", as_double(counters.bytes_out));
  families.counter("parley_slow_consumers_total", "Sessions ended because their client did not read",
                   as_double(counters.slow_consumers + engine.slow_sinks));
  families.counter("parley_interruptions_total", "Responses that the user talked over",
                   as_double(counters.interruptions));
  families.family("parley_refusals_total", "Connections and turns refused", MetricType::Counter);
  for (int reason = 0; reason < refusals; ++reason)
    families.sample("reason", name(static_cast<Refusal>(reason)),
                    as_double(counters.refused[static_cast<std::size_t>(reason)]));
  families.sample("reason", "engine_overloaded", as_double(engine.refused_turns));
  families.family("parley_errors_total", "Error events sent", MetricType::Counter);
  for (int code = 0; code < error_codes; ++code)
    families.sample("code", std::string(protocol::to_string(static_cast<protocol::ErrorCode>(code))),
                    as_double(counters.errors[static_cast<std::size_t>(code)]));
}

}  // namespace

const char* name(Refusal reason) {
  switch (reason) {
    case Refusal::origin:
      return "origin";
    case Refusal::no_credential:
      return "no_credential";
    case Refusal::wrong_credential:
      return "wrong_credential";
    case Refusal::address_full:
      return "address_full";
    case Refusal::server_full:
      return "server_full";
    case Refusal::no_slot:
      return "no_slot";
    case Refusal::draining:
      return "draining";
    case Refusal::bad_request:
      return "bad_request";
  }
  return "";
}

std::string prometheus_text(const engine::EngineStatus& engine, const Counters& counters) {
  Families families;
  add_engine(families, engine);
  add_server(families, engine, counters);
  return families.text();
}

}  // namespace parley::server
