import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes Avro records to a topic as a Java shop would: Kafka's own producer and Avro's own library, none of which our decoder shares.
 * Confluent's serializer is not on Maven Central, so its frame (a zero byte, the schema id in four bytes, big-endian) is written here.
 *
 * <p>Arguments: bootstrap servers, topic, file of the schema, schema id, file of records. Each line of the last is a JSON object with
 * "key" (a string or null) and "value" (the record in Avro's JSON encoding, or null for a tombstone).
 * Run from source: java -cp 'jars/*' AvroProducer.java ...
 */
public final class AvroProducer {
    public static void main(String[] args) throws Exception {
        String topic = args[1];
        Schema schema = new Schema.Parser().parse(Files.readString(Path.of(args[2])));
        int schemaId = Integer.parseInt(args[3]);
        Map<String, Object> settings = Map.of("bootstrap.servers", args[0], "acks", "all");
        ObjectMapper json = new ObjectMapper();
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (String line : Files.readAllLines(Path.of(args[4]))) {
                JsonNode record = json.readTree(line);
                byte[] key = record.get("key").isNull() ? null : record.get("key").textValue().getBytes(StandardCharsets.UTF_8);
                byte[] value = record.get("value").isNull() ? null : framed(schema, schemaId, record.get("value").toString());
                // Waiting for each keeps the lines' order in the topic, and an error stops at its line.
                producer.send(new ProducerRecord<>(topic, key, value)).get();
            }
        }
    }

    private static byte[] framed(Schema schema, int schemaId, String avroJson) throws Exception {
        var decoder = DecoderFactory.get().jsonDecoder(schema, avroJson);
        Object datum = new GenericDatumReader<Object>(schema).read(null, decoder);
        var bytes = new ByteArrayOutputStream();
        var frame = new DataOutputStream(bytes);
        frame.writeByte(0);
        frame.writeInt(schemaId);
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        new GenericDatumWriter<Object>(schema).write(datum, encoder);
        encoder.flush();
        return bytes.toByteArray();
    }
}
