#include "engine/models/step_audio_2/token2wav/packed_linear.hpp"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <string_view>

namespace parley::step_audio_2 {
namespace {

using at::Tensor;

using Reorder = Tensor(const Tensor&, std::optional<std::int64_t>);
using Pointwise = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view,
                         c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

template <typename Signature>
auto operator_of(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

// Rows of the products that the packing is made for: a steady chunk of one stream. Others work as well.
constexpr std::int64_t usual_rows = 50;

std::optional<Tensor> if_defined(const Tensor& tensor) {
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

Tensor apply(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::silu:
      return at::silu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
  }
  TORCH_CHECK(false, "an activation that packed_linear.hpp does not list");
}

}  // namespace

bool has_onednn(const Tensor& weight) {
  return weight.device().is_cpu() && at::hasMKLDNN() && at::globalContext().userEnabledMkldnn();
}

PackedLinear::PackedLinear(const Tensor& weight, const Tensor& bias, Activation then)
    : weight_(weight), bias_(bias), then_(then) {
  if (!has_onednn(weight)) return;
  static const auto reorder = operator_of<Reorder>("mkldnn::_reorder_linear_weight");
  weight_ = reorder.call(weight.contiguous(), usual_rows);
}

PackedLinear::PackedLinear(const weights::Weights& weights, int in, int out,
                           const layers::Placement& placement, bool has_bias, Activation then)
    : PackedLinear(layers::place(weights, "weight", {out, in}, placement),
                   has_bias ? layers::place(weights, "bias", {out}, placement) : Tensor(), then) {}

Tensor PackedLinear::operator()(const Tensor& x) const {
  if (!weight_.is_mkldnn()) return apply(then_, at::linear(x, weight_, if_defined(bias_)));
  static const auto pointwise = operator_of<Pointwise>("mkldnn::_linear_pointwise");
  const bool gelu = then_ == Activation::gelu_tanh;
  const std::string_view name = gelu ? "gelu" : then_ == Activation::silu ? "swish" : "none";
  return pointwise.call(x.contiguous(), weight_, if_defined(bias_), name,
                        c10::List<std::optional<at::Scalar>>(),
                        gelu ? std::optional<std::string_view>("tanh") : std::nullopt);
}

}  // namespace parley::step_audio_2
