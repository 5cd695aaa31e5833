"""The words that spreadsheets use for fields and codes, in English, Spanish, French, Arabic and Russian.

Words are compared by their `fold`, so that case and accents do not count; between them stands "|".
"""

from collections.abc import Mapping
from types import MappingProxyType

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "names.full": "name|full name|child name|name of child|nombre completo|nombre y apellidos|nom complet"
        "|nom et prénom|nom de l'enfant|الاسم|الاسم الكامل|اسم الطفل|имя|полное имя|фио|ф.и.о.|имя ребенка",
        "names.given": "given name|given names|first name|forename|nombre|nombres|nombre de pila|prénom"
        "|prénoms"
        "|الاسم الأول|имя собственное|личное имя",
        "names.family": "family name|last name|surname|apellido|apellidos|nom|nom de famille|اسم العائلة"
        "|اللقب|الكنية|фамилия",
        "names.alias": "alias|nickname|other names|also known as|aka|apodo|surnom|pseudonyme|الاسم المستعار"
        "|кличка|прозвище",
        "sex": "sex|gender|sexo|género|sexe|genre|الجنس|النوع|пол",
        "birth": "birth|date of birth|birth date|birthdate|dob|born|year of birth|fecha de nacimiento"
        "|nacimiento"
        "|nacido|date de naissance|naissance|né le|né(e) le|تاريخ الميلاد|تاريخ الولادة|дата рождения"
        "|год рождения|рождение",
        "age": "age|age at disappearance|age when missing|edad|âge|العمر|السن|возраст",
        "missing_since": "missing since|date missing|missing date|missing from|date of disappearance"
        "|disappeared|disappeared on|last seen|last seen on|date last seen|desaparecido desde"
        "|fecha de desaparición|visto por última vez|disparu le|disparu depuis|date de disparition"
        "|vu pour la dernière fois|تاريخ الاختفاء|تاريخ الفقدان|مفقود منذ|дата исчезновения|пропал"
        "|дата пропажи|пропал без вести",
        "category": "category|type of case|case type|categoría|tipo de caso|catégorie|type de disparition"
        "|الفئة|نوع الحالة|категория|вид исчезновения",
        "last_seen.country": "country|country last seen|country of disappearance|país|pays|البلد|الدولة"
        "|страна",
        "last_seen.subdivision": "province|state|region|subdivision|provincia|estado|département|المحافظة"
        "|الولاية|область|регион",
        "last_seen.area": "city|town|area|district|place|place last seen|last seen at|last seen in|location"
        "|place of disappearance|ciudad|localidad|municipio|lugar|lugar de desaparición|ville|commune|lieu"
        "|lieu de disparition|المدينة|المكان|مكان الاختفاء|مكان الفقدان|город|место|место исчезновения"
        "|место пропажи|населенный пункт",
        "last_seen.place": "address|exact place|street|dirección|adresse|العنوان|адрес",
        "last_seen.lat": "latitude|lat|latitud|خط العرض|широта",
        "last_seen.lon": "longitude|lon|lng|longitud|خط الطول|долгота",
        "circumstances": "circumstances|what happened|description|details|summary|circunstancias|descripción"
        "|circonstances|ملابسات|الظروف|ظروف الاختفاء|الوصف|обстоятельства|обстоятельства исчезновения"
        "|описание",
        "height": "height|height cm|stature|estatura|altura|talla|taille|الطول|القامة|рост",
        "weight": "weight|weight kg|peso|poids|الوزن|вес",
        "eyes.colour": "eyes|eye colour|eye color|colour of eyes|color of eyes|ojos|color de ojos|yeux"
        "|couleur des yeux|العينان|لون العينين|لون العيون|глаза|цвет глаз",
        "hair.colour": "hair|hair colour|hair color|colour of hair|color of hair|pelo|cabello|color de pelo"
        "|color de cabello|cheveux|couleur des cheveux|الشعر|لون الشعر|волосы|цвет волос",
        "hair.length": "hair length|length of hair|largo del pelo|longueur des cheveux|طول الشعر|длина волос",
        "build": "build|body build|complexión|corpulence|البنية|телосложение",
        "marks": "marks|distinguishing marks|distinguishing features|scars|señas particulares|señas"
        "|cicatrices"
        "|signes particuliers|signes distinctifs|علامات مميزة|العلامات الفارقة|особые приметы|приметы",
        "clothing": "clothing|clothes|wearing|ropa|vestimenta|vêtements|tenue|الملابس|الثياب|одежда",
        "nationalities": "nationality|nationalities|citizenship|nacionalidad|nationalité|الجنسية|гражданство"
        "|национальность",
        "languages_spoken": "languages|languages spoken|language|idiomas|idioma|lengua|langues|langue"
        "|langues parlées|اللغات|اللغة|языки|язык",
        "reference": "reference|file number|case number|case no|case id|police reference|ref|ref no|id|number"
        "|referencia|número de expediente|expediente|número de caso|référence|numéro de dossier|dossier"
        "|numéro|n°|رقم الملف|الرقم المرجعي|رقم القضية|المرجع|номер дела|номер|№|референс",
        "narrative": "police account|account for police|narrative|relato policial|récit police|رواية الشرطة"
        "|для полиции",
        "notes": "notes|remarks|comments|internal notes|notas|observaciones|remarques|commentaires|ملاحظات"
        "|примечания|заметки|комментарии",
        "contacts.kind": "kind of contact|contact type",
        "contacts.value": "contact|contact phone|phone|telephone|hotline|contacto|teléfono|téléphone|الهاتف"
        "|رقم الهاتف|جهة الاتصال|телефон|контакт",
        "authority.name": "authority|police station|unit|agency|organisation|organization|autoridad|comisaría"
        "|autorité|commissariat|service|الجهة|الجهة المسؤولة|مركز الشرطة|орган|отдел полиции|отделение",
        "authority.kind": "kind of authority|authority type",
        "consent.basis": "legal basis|consent|base legal|consentimiento|base légale|consentement"
        "|الأساس القانوني"
        "|الموافقة|основание|согласие",
        "consent.given_by_role": "consent given by|consentimiento de|consentement de|الموافقة من"
        "|согласие дал",
        "consent.scope": "consent scope|alcance del consentimiento|portée du consentement|نطاق الموافقة"
        "|объем согласия",
        "consent.date": "consent date|date of consent|fecha del consentimiento|date du consentement"
        "|تاريخ الموافقة|дата согласия",
        "risk.level": "risk|risk level|riesgo|nivel de riesgo|risque|niveau de risque|الخطر|مستوى الخطر|риск"
        "|степень риска|уровень риска",
        "risk.assessed_at": "risk assessed|risk assessed on|date of risk assessment|fecha de evaluación"
        "|date d'évaluation|تاريخ التقييم|дата оценки",
        "risk.assessed_by_role": "risk assessed by|evaluado por|évalué par|قيّمه|оценил",
        "review_due": "review|review due|next review|próxima revisión|revisión|prochain examen|révision"
        "|المراجعة القادمة|موعد المراجعة|следующая проверка|пересмотр",
        "purge_by": "purge by|erase by|keep until|delete by|conservar hasta|conserver jusqu'au|يحفظ حتى"
        "|хранить до",
    }
)
"""By field. Where a word serves two fields, the first has it."""

_COLOURS = {
    "black": "black|blk|negro|negros|negra|noir|noirs|noire|أسود|سوداء|سود|черный|черные",
    "blue": "blue|blu|azul|azules|bleu|bleus|bleue|أزرق|زرقاء|زرق|голубой|голубые|синий|синие",
    "brown": "brown|bro|dark brown|light brown|marrón|marrones|castaño|castaños|café|brun|bruns|brune|marron"
    "|châtain|châtains|بني|بنية|карий|карие|коричневый|каштановый|каштановые|шатен|темно-русый|русый|русые",
    "grey": "grey|gray|gry|gris|grises|grise|رمادي|رمادية|серый|серые|седой|седые",
    "green": "green|grn|verde|verdes|vert|verts|verte|أخضر|خضراء|зеленый|зеленые",
    "multicoloured": "multicoloured|multicolored|mixed|varios|plusieurs|متعدد|разные",
    "pink": "pink|rosa|rose|وردي|розовый|розовые",
    "unknown": "unknown|not known|xxx|desconocido|inconnu|inconnue|غير معروف|неизвестно|не известно",
}
_UNKNOWN = "unknown|not known|desconocido|desconocida|inconnu|inconnue|غير معروف|مجهول|неизвестно"

CODES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "sex": {
            "1": "m|male|boy|man|masculine|masculino|niño|varón|hombre|chico|homme|h|garçon|masculin|ذكر|ولد"
            "|صبي|м|муж|мужской|мальчик|мужчина",
            "2": "f|female|girl|woman|feminine|femenino|niña|mujer|chica|femme|fille|féminin|أنثى|بنت|فتاة|ж"
            "|жен|женский|девочка|женщина",
            "0": f"u|{_UNKNOWN}",
            "9": "not applicable|n/a|no aplica|sans objet|لا ينطبق|не применимо",
        },
        "eyes.colour": {
            **_COLOURS,
            "hazel": "hazel|haz|avellana|noisette|عسلي|عسلية|ореховый|ореховые",
            "maroon": "maroon|mar|granate|bordeaux|كستنائي|бордовый",
        },
        "hair.colour": {
            **_COLOURS,
            "blond": "blond|blonde|bln|fair|rubio|rubia|blonds|أشقر|شقراء|блондин|блондинка|белокурый|светлые"
            "|светлый",
            "orange": "orange|naranja|برتقالي|оранжевый",
            "purple": "purple|violet|morado|violeta|بنفسجي|фиолетовый",
            "red": "red|ginger|pelirrojo|pelirroja|rojo|roux|rousse|أحمر|рыжий|рыжие|рыжая",
            "sandy": "sandy|arena|sable|رملي|песочный",
            "white": "white|blanco|blanc|أبيض|белый|белые",
        },
        "hair.length": {
            "bald": "bald|calvo|chauve|أصلع|лысый",
            "shaved": "shaved|rapado|rasé|محلوق|бритый|бритая",
            "short": "short|corto|court|courts|قصير|короткий|короткие",
            "medium": "medium|medio|mi-long|mi-longs|متوسط|средний|средние",
            "long": "long|largo|longs|طويل|длинный|длинные",
        },
        "build": {
            "very_thin": "very thin|muy delgado|très mince|maigre|نحيف جدا|очень худой|очень худая",
            "slim": "slim|thin|delgado|delgada|mince|نحيف|نحيفة|худой|худая|худощавый",
            "medium": "medium|average|normal|medio|media|moyen|moyenne|متوسط|средний|среднее|нормальное",
            "muscular": "muscular|musculoso|musclé|مفتول العضلات|мускулистый",
            "stocky": "stocky|robusto|trapu|ممتلئ|коренастый|плотный|плотное",
            "heavy": "heavy|fat|large|gordo|corpulento|corpulent|fort|بدين|سمين|полный|полное|полная",
            "unknown": _UNKNOWN,
        },
        "category": {
            "runaway": "runaway|ran away|fuga|fugado|fugue|fugueur|fugueuse|هارب|هروب|побег|сбежал"
            "|самовольный уход",
            "family_abduction": "family abduction|parental abduction|taken by family|sustracción parental"
            "|enlèvement parental|enlèvement familial|اختطاف عائلي|خطف من العائلة|похищение родителем"
            "|семейное похищение",
            "nonfamily_abduction": "non-family abduction|abduction|kidnapped|stranger abduction"
            "|secuestro|rapto"
            "|enlèvement|kidnapping|اختطاف|خطف|похищение|похищен",
            "lost_injured_otherwise": "lost|missing|lost or injured|extraviado|perdido|disparu|perdu|égaré"
            "|مفقود|ضائع|تائه|потерялся|пропал|пропавший",
            "unaccompanied_migrant": "unaccompanied migrant|unaccompanied minor|menor no acompañado|mena"
            "|mineur non accompagné|mna|قاصر غير مصحوب|مهاجر غير مصحوب|несопровождаемый"
            "|мигрант без сопровождения",
            "thrown_out": "thrown out|throwaway|expulsado|mis à la porte|مطرود|выгнан",
            "catastrophe": "catastrophe|disaster|catástrofe|desastre|كارثة|катастрофа|бедствие",
            "unidentified_found": "found unidentified|unidentified|no identificado|non identifié|مجهول الهوية"
            "|неопознанный",
            "unknown": _UNKNOWN,
        },
        "risk.level": {
            "no_apparent": "none|no apparent risk|no risk|ninguno|sin riesgo|aucun|لا يوجد|нет|отсутствует",
            "low": "low|bajo|faible|bas|منخفض|низкий|низкая",
            "medium": "medium|medio|moyen|متوسط|средний|средняя",
            "high": "high|alto|élevé|haut|مرتفع|عال|высокий|высокая",
        },
        "consent.basis": {
            "parental": "parental|parents|parental consent|consentimiento parental|padres"
            "|consentement parental|موافقة الوالدين|الوالدان|согласие родителей|родители",
            "court": "court|court order|orden judicial|juzgado|tribunal|décision de justice|المحكمة|أمر قضائي"
            "|суд|решение суда",
            "le_duty": "police|police duty|duty of the police|deber policial|mission de police|واجب الشرطة"
            "|الشرطة|полиция|долг полиции",
            "vital_interest": "vital interest|vital interests|interés vital|intérêt vital|مصلحة حيوية"
            "|жизненный интерес|жизненно важный интерес",
        },
        "consent.scope": {
            "network": "network|members|red|réseau|الشبكة|сеть",
            "public": "public|público|للعموم|الجمهور|публично",
            "photograph": "photograph|photo|fotografía|foto|photographie|صورة|фото|фотография",
            "poster": "poster|cartel|affiche|ملصق|плакат|листовка",
            "alert": "alert|alerta|alerte|إنذار|оповещение",
            "media": "media|medios|médias|الإعلام|сми",
            "face_search": "face search|búsqueda facial|recherche faciale|البحث بالوجه|поиск по лицу",
        },
        "authority.kind": {
            "police": "police|policía|الشرطة|полиция",
            "ngo": "ngo|ong|association|asociación|منظمة|нко|организация",
            "central_authority": "central authority|autoridad central|autorité centrale|السلطة المركزية"
            "|центральный орган",
        },
        "contacts.kind": {
            "police": "police|policía|الشرطة|полиция",
            "hotline": "hotline|helpline|línea|ligne|numéro vert|خط ساخن|горячая линия",
            "web": "web|website|sitio web|site|site web|موقع|сайт",
        },
    }
)
"""By field and code. A code itself, with or without its underscores, is a word for it, too."""
