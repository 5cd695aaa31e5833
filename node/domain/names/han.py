"""How names written in Han characters are read outside Mandarin: Japanese, Korean and Vietnamese.

Tables of frequent names, not dictionaries: the same characters say 田中 Tanaka in Japan and 金民秀 Kim Min-su
in Korea, and nothing in the name tells which. A name that is not here keeps its Mandarin reading alone.
"""


def _pairs(table: str) -> dict[str, str]:
    words = table.split()
    return dict(zip(words[::2], words[1::2], strict=True))


# Chinese family names of two characters.
DOUBLE_SURNAMES = frozenset(
    [
        "欧阳",
        "歐陽",
        "司马",
        "司馬",
        "上官",
        "诸葛",
        "諸葛",
        "夏侯",
        "东方",
        "東方",
        "皇甫",
        "尉迟",
        "尉遲",
        "公孙",
        "公孫",
        "慕容",
        "令狐",
        "司徒",
        "南宫",
        "南宮",
    ]
)

JAPANESE_SURNAMES = _pairs("""
佐藤 sato 鈴木 suzuki 高橋 takahashi 田中 tanaka 伊藤 ito 渡辺 watanabe 渡邊 watanabe 山本 yamamoto
中村 nakamura 小林 kobayashi 加藤 kato 吉田 yoshida 山田 yamada 佐々木 sasaki 山口 yamaguchi
松本 matsumoto 井上 inoue 木村 kimura 林 hayashi 斎藤 saito 斉藤 saito 齋藤 saito 清水 shimizu
山崎 yamazaki 森 mori 池田 ikeda 橋本 hashimoto 阿部 abe 石川 ishikawa 山下 yamashita 中島 nakajima
石井 ishii 小川 ogawa 前田 maeda 岡田 okada 長谷川 hasegawa 藤田 fujita 後藤 goto 近藤 kondo
村上 murakami 遠藤 endo 青木 aoki 坂本 sakamoto 福田 fukuda 太田 ota 西村 nishimura 藤井 fujii
金子 kaneko 岡本 okamoto 藤原 fujiwara 三浦 miura 中野 nakano 原田 harada 松田 matsuda 竹内 takeuchi
小野 ono 田村 tamura 中山 nakayama 和田 wada 石田 ishida 森田 morita 上田 ueda 原 hara 柴田 shibata
酒井 sakai 宮崎 miyazaki 横山 yokoyama 高木 takagi 安藤 ando 宮本 miyamoto 大野 ono 小島 kojima
谷口 taniguchi 今井 imai 工藤 kudo 高田 takada 増田 masuda 丸山 maruyama 杉山 sugiyama 村田 murata
大塚 otsuka 新井 arai 小山 koyama 平野 hirano 藤本 fujimoto 河野 kono 上野 ueno 野口 noguchi
武田 takeda 松井 matsui 千葉 chiba 菅原 sugawara 岩崎 iwasaki 久保 kubo 木下 kinoshita 佐野 sano
野村 nomura 松尾 matsuo 菊地 kikuchi 菊池 kikuchi 市川 ichikawa
""")

JAPANESE_GIVEN = _pairs("""
太郎 taro 一郎 ichiro 次郎 jiro 三郎 saburo 健太 kenta 翔太 shota 大輔 daisuke 拓也 takuya
大翔 hiroto 陽翔 haruto 悠真 yuma 湊 minato 蓮 ren 樹 itsuki 颯太 sota 悠斗 yuto 陸 riku 海斗 kaito
翔 sho 健 ken 誠 makoto 直樹 naoki 隆 takashi 浩 hiroshi 徹 toru 剛 tsuyoshi 花子 hanako
幸子 sachiko 恵子 keiko 洋子 yoko 裕子 yuko 由美子 yumiko 真由美 mayumi 直美 naomi 美咲 misaki
陽菜 hina 結衣 yui 葵 aoi 凛 rin 桜 sakura 愛 ai 美桜 mio 結菜 yuna 莉子 riko 七海 nanami 彩 aya
彩花 ayaka 舞 mai 遥 haruka 優 yu 優子 yuko 明日香 asuka 香織 kaori 千尋 chihiro 春香 haruka 杏 an
芽衣 mei
""")

# One syllable a character, so that a whole name is read where every one of its characters is known.
KOREAN = _pairs("""
金 kim 李 lee 朴 park 崔 choi 鄭 jung 姜 kang 趙 cho 尹 yoon 張 jang 林 lim 韓 han 吳 oh 徐 seo
申 shin 權 kwon 黃 hwang 安 ahn 宋 song 柳 ryu 洪 hong 全 jeon 高 ko 文 moon 孫 son 梁 yang 裵 bae
白 baek 許 heo 南 nam 沈 shim 民 min 秀 su 智 ji 英 young 賢 hyun 俊 jun 成 sung 美 mi 善 sun 熙 hee
恩 eun 慧 hye 貞 jung 淑 sook 順 soon 子 ja 京 kyung 永 young 鎭 jin 珍 jin 眞 jin 浩 ho 昊 ho
哲 chul 勳 hoon 宇 woo 佑 woo 東 dong 相 sang 在 jae 載 jae 勝 seung 承 seung 允 yoon 潤 yoon 瑞 seo
妍 yeon 娟 yeon 延 yeon 河 ha 夏 ha 娜 na 羅 ra 雅 ah 兒 ah 仁 in 正 jung 明 myung 光 kwang 國 kook
基 ki 錫 seok 碩 seok 泰 tae 太 tae 亨 hyung 炯 hyung 旭 wook 星 sung 世 se 詩 si 始 si 雨 woo 一 il
日 il 花 hwa 和 hwa 華 hwa 姬 hee 喜 hee 玉 ok 愛 ae 道 do 度 do 大 dae 寶 bo 普 bo 彬 bin 範 bum
""")

VIETNAMESE = _pairs("""
阮 nguyen 陳 tran 陈 tran 黎 le 范 pham 黃 hoang 黄 hoang 潘 phan 武 vu 鄧 dang 邓 dang 裴 bui 杜 do
胡 ho 吳 ngo 吴 ngo 楊 duong 杨 duong 李 ly 文 van 氏 thi 明 minh 德 duc 英 anh 雄 hung 勇 dung
玉 ngoc 蘭 lan 兰 lan 花 hoa 梅 mai 秋 thu 春 xuan 芳 phuong 清 thanh 青 thanh 光 quang 國 quoc
国 quoc 俊 tuan 南 nam 山 son 海 hai 香 huong 紅 hong 红 hong 鸞 loan 嬌 kieu 娇 kieu 如 nhu 安 an
平 binh 強 cuong 强 cuong 龍 long 龙 long 福 phuc
""")
