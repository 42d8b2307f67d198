// What was found, written for the terminal or as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <span>

#include "server/bundles/find.hpp"
#include "server/bundles/inspect.hpp"

namespace parley::bundles {

void write(std::ostream& out, std::span<const Found> bundles);
void write(std::ostream& out, const Inspection& inspection, bool tensors);  // with names and shapes, or not

nlohmann::ordered_json to_json(std::span<const Found> bundles);
nlohmann::ordered_json to_json(const Inspection& inspection, bool tensors);

}  // namespace parley::bundles
