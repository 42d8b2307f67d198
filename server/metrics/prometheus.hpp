// The state of the server and its engine in Prometheus' text format.
#pragma once

#include <string>

#include "engine/status.hpp"
#include "server/metrics/counters.hpp"

namespace parley::server {

std::string prometheus_text(const engine::EngineStatus& engine, const Counters& counters);

}  // namespace parley::server
