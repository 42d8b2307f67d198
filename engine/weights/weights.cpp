#include "engine/weights/weights.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <set>
#include <stdexcept>

namespace parley::weights {

struct Weights::Account {
  explicit Account(Safetensors opened) : file(std::move(opened)) {}

  Safetensors file;
  std::set<std::string, std::less<>> used;
  std::vector<std::string> missing;    // "name [expected shape]"
  std::vector<std::string> misshaped;  // "name expected [..], found [..]"
};

namespace {

// Stands in for a tensor that is missing or has the wrong shape until finish() reports it.
TensorView zeros(std::string name, std::vector<std::int64_t> shape) {
  std::size_t size = size_of(Dtype::f32);
  for (std::int64_t& extent : shape) {
    extent = std::max<std::int64_t>(extent, 1);
    size *= static_cast<std::size_t>(extent);
  }
  // calloc leaves the pages untouched until they are written: standing in costs no memory.
  auto* memory = static_cast<std::byte*>(std::calloc(size, 1));
  if (memory == nullptr) throw std::bad_alloc();
  return {std::move(name),
          Dtype::f32,
          std::move(shape),
          {memory, size},
          std::shared_ptr<const void>(memory, std::free)};
}

bool fits(const std::vector<std::int64_t>& expected, const std::vector<std::int64_t>& found) {
  return std::ranges::equal(expected, found, [](std::int64_t wanted, std::int64_t has) {
    return wanted == any_size || wanted == has;
  });
}

// At most a dozen names: a checkpoint of another architecture has hundreds that do not fit.
std::string list(const std::string& title, const std::vector<std::string>& names) {
  constexpr std::size_t shown = 12;
  if (names.empty()) return {};
  std::string text = "\n  " + title + " (" + std::to_string(names.size()) + "):";
  for (std::size_t i = 0; i < std::min(shown, names.size()); ++i) text += "\n    " + names[i];
  if (names.size() > shown) text += "\n    ...";
  return text;
}

}  // namespace

Weights::Weights(Safetensors file) : account_(std::make_shared<Account>(std::move(file))) {}
Weights::Weights(std::shared_ptr<Account> account, std::string prefix)
    : account_(std::move(account)), prefix_(std::move(prefix)) {}

Weights Weights::scope(std::string_view name) const { return {account_, prefix_ + std::string(name) + "."}; }

bool Weights::has(std::string_view name) const {
  return account_->file.find(prefix_ + std::string(name)) != nullptr;
}

TensorView Weights::get(std::string_view name, const std::vector<std::int64_t>& shape) const {
  std::string full = prefix_ + std::string(name);
  account_->used.insert(full);
  const TensorView* found = account_->file.find(full);
  if (found == nullptr) {
    account_->missing.push_back(full + " " + to_string(shape));
    return zeros(std::move(full), shape);
  }
  if (!fits(shape, found->shape)) {
    account_->misshaped.push_back(full + ": expected " + to_string(shape) + ", found " +
                                  to_string(found->shape));
    return zeros(std::move(full), shape);
  }
  return *found;
}

void Weights::ignore(std::string_view name) const { account_->used.insert(prefix_ + std::string(name)); }

void Weights::ignore_scope(std::string_view name) const {
  const std::string begin = prefix_ + std::string(name) + ".";
  const auto& tensors = account_->file.tensors();
  for (auto found = tensors.lower_bound(begin); found != tensors.end() && found->first.starts_with(begin);
       ++found)
    account_->used.insert(found->first);
}

void Weights::finish() const {
  std::vector<std::string> spare;
  for (const auto& [name, view] : account_->file.tensors())
    if (!account_->used.contains(name)) spare.push_back(name + " " + to_string(view.shape));
  if (account_->missing.empty() && account_->misshaped.empty() && spare.empty()) return;
  throw std::runtime_error(
      "the weights in " + account_->file.path().string() +
      " do not fit the model that its config.json describes:" + list("missing", account_->missing) +
      list("of another shape", account_->misshaped) + list("not known to the model", spare));
}

}  // namespace parley::weights
