#include "tools/cnab-publish/command.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/image_copy.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/oci/registry_options.h"

namespace deps {
namespace {

// How --layout names the invocation image, which has no name in bundle.json.
constexpr std::string_view kInvocation = "invocation";

struct Options {
  CommonOptions common;
  AccessOptions access;
  std::vector<std::string> layouts;
};

CommandSpec MakeSpec(Options* options) {
  CommandSpec spec = {
      .name = "cnab-publish",
      .summary = "publish a bundle.json with its images to a registry",
      .description =
          "Copies each image of the bundle into the repository of REFERENCE, by digest and byte "
          "for byte; fills contentDigest, size and mediaType in the bundle.json; and pushes it in "
          "the form that cnab-to-oci and Porter read. Without a tag in REFERENCE the tag is v and "
          "the bundle's version.\n\n"
          "An image is taken from its OCI layout (--layout), or from the target's repository where "
          "that has the image's contentDigest, or else from where the bundle says it is.",
      .operands = "BUNDLE.JSON REFERENCE",
      .min_operands = 2,
      .max_operands = 2,
      .options = {Value("layout", "NAME=DIR[:TAG]", &options->layouts,
                        "Take the image NAME from the OCI layout in the folder DIR. NAME is the "
                        "image's name in bundle.json, or invocation "
                        "for the invocation image.")},
      .reads = "a bundle.json",
      .writes = "an object with the reference, the digest, and where each image is",
      .exit_one = "Never.",
      .examples = {{"cnab-publish bundle.json localhost:5000/app:v1.0.0",
                    "Publish a bundle whose images are in registries."},
                   {"cnab-publish --layout invocation=build/image bundle.json localhost:5000/app",
                    "Publish it with an image that was just built."}},
      .see_also = {"deps-graph(1)", "oci-relocate(1)"},
  };
  AddRegistryOptions(&spec, &options->access);
  AddCommonOptions(&spec, &options->common);
  return spec;
}

absl::Status Usage(std::string message) {
  return MakeError({.id = DiagnosticId::kUsage, .message = std::move(message)});
}

absl::StatusOr<std::map<std::string, std::string>> ParseLayouts(
    const std::vector<std::string>& options) {
  std::map<std::string, std::string> layouts;
  for (const std::string& option : options) {
    const size_t equals = option.find('=');
    if (equals == std::string::npos || equals + 1 == option.size()) {
      return Usage(absl::StrCat("--layout takes NAME=DIR[:TAG], not '", option, "'"));
    }
    const std::string name = option.substr(0, equals);
    if (!layouts.emplace(name == kInvocation ? "" : name, option.substr(equals + 1)).second) {
      return Usage(absl::StrCat("--layout names '", name, "' twice"));
    }
  }
  return layouts;
}

absl::StatusOr<Reference> ParseTarget(const std::string& text, const json::Value& bundle) {
  DEPS_ASSIGN_OR_RETURN(const Reference target, Reference::Parse(text));
  if (!target.digest().empty()) {
    return Usage("a bundle is published under a tag; its digest follows from what it holds");
  }
  if (!target.tag().empty()) return target;
  const json::Value* version = bundle.Find("version");
  const std::string tag =
      absl::StrCat("v", version == nullptr ? "" : absl::StrReplaceAll(version->text, {{"+", "_"}}));
  if (tag == "v" || !IsValidTag(tag)) {
    return Usage(absl::StrCat("'", text, "' has no tag, and the bundle no version to make one of"));
  }
  return target.WithTag(tag);
}

class Publisher {
 public:
  Publisher(Registry& registry, const Reference& target, std::map<std::string, std::string> layouts,
            Terminal& terminal)
      : registry_(registry), target_(target), layouts_(std::move(layouts)), terminal_(terminal) {}

  absl::StatusOr<std::string> Publish(const Source& source, json::Value bundle, json::Style style) {
    DEPS_ASSIGN_OR_RETURN(std::vector<BundleImage> images, ImagesOf(source, bundle));
    DEPS_RETURN_IF_ERROR(CheckLayouts(images));
    for (BundleImage& image : images) {
      DEPS_ASSIGN_OR_RETURN(const Descriptor copied, Copy(image));
      image.digest = copied.digest;
      image.size = copied.size;
      image.media_type = copied.media_type;
    }
    DEPS_RETURN_IF_ERROR(SetImages(images, &bundle));
    DEPS_ASSIGN_OR_RETURN(const EncodedBundle encoded, EncodeBundle(bundle, images));
    DEPS_RETURN_IF_ERROR(PushBundle(registry_, target_, encoded));
    return json::Format(Report(images, encoded), style);
  }

 private:
  absl::Status CheckLayouts(const std::vector<BundleImage>& images) const {
    std::set<std::string> names;
    for (const BundleImage& image : images) names.insert(image.name);
    for (const auto& [name, layout] : layouts_) {
      if (!names.contains(name)) {
        return Usage(absl::StrCat("--layout: the bundle has no image '", name, "'"));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Descriptor> Copy(const BundleImage& image) {
    terminal_.Detail(absl::StrCat("image ", image.reference));
    if (const auto layout = layouts_.find(image.name); layout != layouts_.end()) {
      return CopyImage(*ImageInLayout(layout->second), registry_, target_);
    }
    if (!image.digest.empty()) {
      DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> there,
                            registry_.HeadManifest(target_.WithDigest(image.digest)));
      if (there) return *there;
    }
    DEPS_ASSIGN_OR_RETURN(const Reference source, Reference::Parse(image.reference));
    return CopyImage(*ImageInRegistry(registry_, source), registry_, target_);
  }

  json::Value Report(const std::vector<BundleImage>& images, const EncodedBundle& encoded) const {
    std::map<std::string, std::string> mapping;
    for (const BundleImage& image : images) {
      mapping[image.reference] = target_.WithDigest(image.digest).Familiar();
    }
    json::Value report = json::Value::Object();
    report.Set("reference", json::Value::String(target_.Familiar()));
    report.Set("digest", json::Value::String(encoded.index_digest));
    report.Set("images", json::Value::StringMap(mapping));
    return report;
  }

  Registry& registry_;
  const Reference target_;
  const std::map<std::string, std::string> layouts_;
  Terminal& terminal_;
};

absl::Status Run(const Options& options, const Invocation& invocation, const Env& env,
                 Terminal& terminal) {
  DEPS_ASSIGN_OR_RETURN(auto layouts, ParseLayouts(options.layouts));
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand(invocation.operands[0], env));
  DEPS_ASSIGN_OR_RETURN(json::Value bundle, json::Parse(source));
  DEPS_ASSIGN_OR_RETURN(const Reference target, ParseTarget(invocation.operands[1], bundle));
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<Registry> registry,
                        Registry::Create(options.access, env.getenv));
  DEPS_ASSIGN_OR_RETURN(const std::string report,
                        Publisher(*registry, target, std::move(layouts), terminal)
                            .Publish(source, std::move(bundle), options.common.style()));
  return WriteResult(options.common.output, report, env);
}

}  // namespace

ExitCode RunCnabPublish(absl::Span<const std::string> args, const Env& env) {
  Options options;
  const CommandSpec spec = MakeSpec(&options);
  return RunCommand(spec, options.common, args, env,
                    [&](const Invocation& invocation, const Env& env,
                        Terminal& terminal) -> absl::StatusOr<ExitCode> {
                      DEPS_RETURN_IF_ERROR(Run(options, invocation, env, terminal));
                      return ExitCode::kOk;
                    });
}

}  // namespace deps
