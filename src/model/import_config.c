/*
 * import_config.c
 *	  config.json of a BertModel, and modules.json with the files it names. What would change the result and cannot be
 *	  represented is refused by name; what has no effect on inference (dropout, cache) is passed over.
 */
#include "model/import_config.h"

#include <stdio.h>
#include <string.h>

#include "model/import_source.h"

typedef struct Name
{
	const char *name;
	uint32_t	value;
} Name;

static const Name activations[] = {
	{"gelu", UC_ACTIVATION_GELU}, {"gelu_python", UC_ACTIVATION_GELU}, {"gelu_new", UC_ACTIVATION_GELU_TANH},
	{"gelu_fast", UC_ACTIVATION_GELU_TANH}, {"gelu_pytorch_tanh", UC_ACTIVATION_GELU_TANH},
	{"gelu_python_tanh", UC_ACTIVATION_GELU_TANH}, {"relu", UC_ACTIVATION_RELU}, {"relu6", UC_ACTIVATION_RELU6},
	{"relu2", UC_ACTIVATION_RELU2}, {"leaky_relu", UC_ACTIVATION_LEAKY_RELU}, {"silu", UC_ACTIVATION_SILU},
	{"swish", UC_ACTIVATION_SILU}, {"tanh", UC_ACTIVATION_TANH}, {"sigmoid", UC_ACTIVATION_SIGMOID},
	{"quick_gelu", UC_ACTIVATION_QUICK_GELU}, {"mish", UC_ACTIVATION_MISH}, {"linear", UC_ACTIVATION_IDENTITY},
};

static const Name dense_activations[] = {
	{"torch.nn.modules.linear.Identity", UC_ACTIVATION_IDENTITY}, {"torch.nn.modules.activation.Tanh", UC_ACTIVATION_TANH},
	{"torch.nn.modules.activation.ReLU", UC_ACTIVATION_RELU}, {"torch.nn.modules.activation.GELU", UC_ACTIVATION_GELU},
	{"torch.nn.modules.activation.SiLU", UC_ACTIVATION_SILU}, {"torch.nn.modules.activation.Sigmoid", UC_ACTIVATION_SIGMOID},
};

static bool
find_name(const Name *names, size_t count, const char *name, uint32_t *value)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i].name, name) == 0)
		{
			*value = names[i].value;
			return true;
		}
	return false;
}

static UcStatus
unsupported(UcError *err, const char *file, const char *key, json_t *value)
{
	char		text[128] = "";

	if (value != NULL)
	{
		size_t		length = json_dumpb(value, text, sizeof text - 1, JSON_ENCODE_ANY | JSON_COMPACT);

		text[length < sizeof text ? length : sizeof text - 1] = '\0';
	}
	return uc_error(err, UC_UNSUPPORTED, "%s has \"%s\": %s, which is not supported", file, key, text);
}

static UcStatus
read_size(json_t *config, const char *key, uint32_t *size, UcError *err)
{
	json_t	   *value = json_object_get(config, key);
	json_int_t	number = json_integer_value(value);

	if (!json_is_integer(value) || number < 1 || number > (1 << 28))
		return uc_error(err, UC_CORRUPT, "config.json has no usable \"%s\"", key);
	*size = (uint32_t) number;
	return UC_OK;
}

/* Settings of BertConfig that another value of would need other code. */
static UcStatus
refuse_variants(json_t *config, UcError *err)
{
	static const char *const must_be_false[] = {"is_decoder", "add_cross_attention", "is_encoder_decoder"};
	static const char *const must_be_absent[] = {"quantization_config", "embedding_size", "rotary_emb_base", "auto_map"};
	const char *type = json_string_value(json_object_get(config, "model_type"));
	const char *positions = json_string_value(json_object_get(config, "position_embedding_type"));

	if (type == NULL || strcmp(type, "bert") != 0)
	{
		unsupported(err, "config.json", "model_type", json_object_get(config, "model_type"));
		uc_error_hint(err, "Models of the type \"bert\" can be imported.");
		return UC_UNSUPPORTED;
	}
	if (positions != NULL && strcmp(positions, "absolute") != 0)
		return unsupported(err, "config.json", "position_embedding_type", json_object_get(config, "position_embedding_type"));
	for (size_t i = 0; i < sizeof must_be_false / sizeof *must_be_false; i++)
		if (json_is_true(json_object_get(config, must_be_false[i])))
			return unsupported(err, "config.json", must_be_false[i], json_true());
	for (size_t i = 0; i < sizeof must_be_absent / sizeof *must_be_absent; i++)
	{
		json_t	   *value = json_object_get(config, must_be_absent[i]);

		if (value != NULL && !json_is_null(value))
			return unsupported(err, "config.json", must_be_absent[i], value);
	}
	return UC_OK;
}

static UcStatus
read_bert(json_t *config, UcModelConfig *c, UcError *err)
{
	json_t	   *activation = json_object_get(config, "hidden_act"),
			   *epsilon = json_object_get(config, "layer_norm_eps");
	UcStatus	status = refuse_variants(config, err);

	if (status != UC_OK ||
		(status = read_size(config, "hidden_size", &c->hidden, err)) != UC_OK ||
		(status = read_size(config, "num_hidden_layers", &c->layers, err)) != UC_OK ||
		(status = read_size(config, "num_attention_heads", &c->heads, err)) != UC_OK ||
		(status = read_size(config, "intermediate_size", &c->intermediate, err)) != UC_OK ||
		(status = read_size(config, "vocab_size", &c->vocabulary, err)) != UC_OK ||
		(status = read_size(config, "max_position_embeddings", &c->positions, err)) != UC_OK ||
		(status = read_size(config, "type_vocab_size", &c->token_types, err)) != UC_OK)
		return status;
	if (c->hidden % c->heads != 0)
		return uc_error(err, UC_CORRUPT, "config.json has %u heads, which do not divide hidden_size %u", c->heads, c->hidden);
	c->activation = UC_ACTIVATION_GELU;
	if (activation != NULL && (!json_is_string(activation) ||
							   !find_name(activations, sizeof activations / sizeof *activations,
										  json_string_value(activation), &c->activation)))
		return unsupported(err, "config.json", "hidden_act", activation);
	c->layer_norm_epsilon = json_is_number(epsilon) ? (float) json_number_value(epsilon) : 1e-12f;
	c->architecture = UC_ARCHITECTURE_BERT;
	c->dimensions = c->hidden;
	return UC_OK;
}

/* Older files say pooling_mode_…: true, newer ones pooling_mode: "…". Exactly one mode can be represented. */
static UcStatus
read_pooling(const char *directory, const char *path, UcModelConfig *c, UcError *err)
{
	static const Name modes[] = {
		{"mean_tokens", UC_POOLING_MEAN}, {"cls_token", UC_POOLING_CLS}, {"max_tokens", UC_POOLING_MAX},
		{"mean", UC_POOLING_MEAN}, {"cls", UC_POOLING_CLS}, {"max", UC_POOLING_MAX},
	};
	char		file[512];
	json_t	   *pooling,
			   *value;
	const char *key,
			   *mode = NULL;
	int			chosen = 0;
	UcStatus	status;

	snprintf(file, sizeof file, "%s/config.json", path);
	status = uc_read_json(directory, file, &pooling, err);
	if (status != UC_OK)
		return status;
	if (pooling == NULL)
		return uc_error(err, UC_NOT_FOUND, "there is no %s", file);

	json_object_foreach(pooling, key, value)
	{
		if (strncmp(key, "pooling_mode_", 13) == 0 && json_is_true(value))
		{
			mode = key + 13;
			chosen++;
		}
		if (strcmp(key, "pooling_mode") == 0 && json_is_string(value))
		{
			mode = json_string_value(value);
			chosen++;
		}
	}
	if (chosen != 1)
		status = uc_error(err, UC_UNSUPPORTED, "%s chooses %d pooling modes, and exactly one is supported", file, chosen);
	else if (!find_name(modes, sizeof modes / sizeof *modes, mode, &c->pooling))
		status = uc_error(err, UC_UNSUPPORTED, "%s has the pooling mode \"%s\", which is not supported", file, mode);
	else if (json_is_false(json_object_get(pooling, "include_prompt")))
		status = unsupported(err, file, "include_prompt", json_false());
	json_decref(pooling);
	return status;
}

static UcStatus
read_dense(const char *directory, const char *path, UcImportedConfig *out, UcError *err)
{
	char		file[512];
	json_t	   *dense,
			   *activation;
	UcModelConfig *c = &out->config;
	UcStatus	status;

	snprintf(file, sizeof file, "%s/config.json", path);
	status = uc_read_json(directory, file, &dense, err);
	if (status != UC_OK)
		return status;
	activation = json_object_get(dense, "activation_function");
	if (json_integer_value(json_object_get(dense, "in_features")) != c->hidden ||
		json_integer_value(json_object_get(dense, "out_features")) < 1 ||
		json_integer_value(json_object_get(dense, "out_features")) > 65536)
		status = uc_error(err, UC_CORRUPT, "%s does not fit a model of width %u", file, c->hidden);
	else if (c->dense || strlen(path) >= sizeof out->dense_directory)
		status = uc_error(err, UC_UNSUPPORTED, "the model has more than one dense layer, which is not supported");
	else if (!json_is_string(activation) ||
			 !find_name(dense_activations, sizeof dense_activations / sizeof *dense_activations,
						json_string_value(activation), &c->dense_activation))
		status = unsupported(err, file, "activation_function", activation);
	else
	{
		c->dense = 1;
		c->dimensions = (uint32_t) json_integer_value(json_object_get(dense, "out_features"));
		strcpy(out->dense_directory, path);
	}
	json_decref(dense);
	return status;
}

/* The order that can be represented: Transformer, Pooling, then at most one Dense and one Normalize. */
static UcStatus
read_modules(const char *directory, json_t *modules, UcImportedConfig *out, UcError *err)
{
	UcModelConfig *c = &out->config;
	size_t		i;
	json_t	   *module;

	json_array_foreach(modules, i, module)
	{
		const char *type = json_string_value(json_object_get(module, "type")),
				   *path = json_string_value(json_object_get(module, "path")),
				   *name = type == NULL ? "" : strrchr(type, '.') == NULL ? type : strrchr(type, '.') + 1;
		bool		in_order = false;
		UcStatus	status = UC_OK;

		if (path == NULL)
			path = "";
		if (strcmp(name, "Transformer") == 0)
			in_order = i == 0 && path[0] == '\0';
		else if (strcmp(name, "Pooling") == 0 && (in_order = i == 1))
			status = read_pooling(directory, path, c, err);
		else if (strcmp(name, "Dense") == 0 && (in_order = i >= 2 && !c->normalize))
			status = read_dense(directory, path, out, err);
		else if (strcmp(name, "Normalize") == 0 && (in_order = i >= 2 && !c->normalize))
			c->normalize = 1;
		if (status != UC_OK)
			return status;
		if (!in_order)
			return uc_error(err, UC_UNSUPPORTED, "modules.json has \"%s\" at place %zu, which is not supported", name, i);
	}
	if (c->pooling == 0)
		return uc_error(err, UC_UNSUPPORTED, "modules.json has no pooling, so a text has no single vector");
	return UC_OK;
}

static UcStatus
read_limit(const char *directory, UcModelConfig *c, UcError *err)
{
	json_t	   *limits;
	json_int_t	limit;
	UcStatus	status = uc_read_json(directory, "sentence_bert_config.json", &limits, err);

	if (status != UC_OK || limits == NULL)
		return status;
	limit = json_integer_value(json_object_get(limits, "max_seq_length"));
	if (limit > 0)
		c->max_tokens = limit > c->positions ? c->positions : (uint32_t) limit;
	if (json_is_true(json_object_get(limits, "do_lower_case")))
		status = unsupported(err, "sentence_bert_config.json", "do_lower_case", json_true());
	json_decref(limits);
	return status;
}

static UcStatus
read_prompt(const char *directory, UcImportedConfig *out, UcError *err)
{
	json_t	   *config;
	const char *name,
			   *prompt;
	UcStatus	status = uc_read_json(directory, "config_sentence_transformers.json", &config, err);

	if (status != UC_OK || config == NULL)
		return status;
	name = json_string_value(json_object_get(config, "default_prompt_name"));
	if (name != NULL)
	{
		prompt = json_string_value(json_object_get(json_object_get(config, "prompts"), name));
		if (prompt == NULL || strlen(prompt) >= sizeof out->prompt)
			status = uc_error(err, UC_CORRUPT, "config_sentence_transformers.json has no usable prompt \"%s\"", name);
		else
			strcpy(out->prompt, prompt);
	}
	json_decref(config);
	return status;
}

UcStatus
uc_import_config(const char *directory, UcImportedConfig *out, UcError *err)
{
	json_t	   *config,
			   *modules;
	UcStatus	status = uc_read_json(directory, "config.json", &config, err);

	if (status != UC_OK)
		return status;
	if (config == NULL)
		return uc_error(err, UC_NOT_FOUND, "there is no config.json in \"%s\"", directory);
	status = read_bert(config, &out->config, err);
	json_decref(config);
	if (status != UC_OK)
		return status;

	status = uc_read_json(directory, "modules.json", &modules, err);
	if (status != UC_OK)
		return status;
	if (modules == NULL)
		out->config.pooling = UC_POOLING_MEAN;	/* what sentence-transformers does with a bare transformer */
	else
		status = read_modules(directory, modules, out, err);
	json_decref(modules);
	if (status == UC_OK)
		status = read_limit(directory, &out->config, err);
	return status != UC_OK ? status : read_prompt(directory, out, err);
}
